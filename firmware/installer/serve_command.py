"""`wecall bundle serve`: offers the bundles of a folder to handsets on the local network that nobody has set up yet."""

import secrets
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import click
from rich.console import Console

from firmware.installer.stick_files import bundle_paths, open_plain, printable
from provisioning.bundle import open_bundle
from provisioning.errors import ProvisioningError
from provisioning.lan import LENGTH, MOST_BUNDLE_BYTES, MOST_BUNDLES, MOST_BYTES, PATH, SERVICE
from provisioning.remarks import counted
from provisioning.sealing import SEALED_TO_CODE

if TYPE_CHECKING:
    from collections.abc import Callable

_SLOWEST_S: Final = 30.0


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen.  [default: any free port]")
@click.option(
    "--codes", is_flag=True,
    help="Serve bundles that are sealed to a code, too: whoever copies one from the network can try all codes.",
)  # fmt: skip
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path),
    help="Serve nothing, but write all of it into this file, for a web server at the address that DHCP names.",
)  # fmt: skip
def serve(folder: Path, port: int, *, codes: bool, to: Path | None) -> None:
    """Offer every bundle in FOLDER to new handsets on this network, until Ctrl-C.

    A handset that nobody has set up finds this by itself and takes the bundle that is for it. Bundles are signed, so
    the network needs no more trust than a stick.
    """
    bundles, passed_over = _read(folder, codes=codes)
    for sentence in passed_over:
        click.echo(sentence, err=True)
    if not bundles:
        raise click.ClickException(
            f"There is nothing to serve in {folder}: no bundle that handsets take over a network."
        )
    listed = b"".join(LENGTH.pack(len(bundle)) + bundle for bundle in bundles)
    if to is None:
        _announce(listed, len(bundles), port)
        return
    try:
        to.write_bytes(listed)
    except OSError as error:
        raise click.ClickException(f"{to} could not be written: {error.strerror}.") from error
    click.echo(f"{counted(len(bundles), 'bundle')} in {to}.")


def _announce(listed: bytes, count: int, port: int) -> None:
    try:
        from zeroconf import IPVersion, ServiceInfo, Zeroconf  # noqa: PLC0415 - it comes with an extra
    except ModuleNotFoundError as error:
        raise click.ClickException(
            "`wecall bundle serve` needs the package zeroconf, which is not installed here. For that: "
            "pip install 'wecall-handset[serve]'"
        ) from error
    console = Console()
    with _Server(port, listed) as server:
        # Of this computer it says what it needs to be reached by, and not its name.
        name = f"bundles-{secrets.token_hex(4)}"
        # An empty description would be none (RFC 6763 section 6.1); its version alone says nothing (section 6.7).
        text = {"txtvers": "1"}
        told = ServiceInfo(SERVICE, f"{name}.{SERVICE}", server.server_port, properties=text, server=f"{name}.local.")
        announcer = Zeroconf(ip_version=IPVersion.All if socket.has_ipv6 else IPVersion.V4Only)
        try:
            announcer.register_service(told)
            click.echo(f"{counted(count, 'bundle')} for new handsets on this network, at port {server.server_port}.")
            with console.status("Nobody has asked yet. Ctrl-C ends this.") as status:
                server.when_served = lambda count: status.update(f"{_served(count)} Ctrl-C ends this.")
                server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            announcer.close()
    click.echo(_served(server.count))


def _served(count: int) -> str:
    return f"{counted(count, 'device')} on this network fetched the bundles."


def _read(folder: Path, *, codes: bool) -> tuple[list[bytes], list[str]]:
    """Return the bundles that handsets take over a network, and why others are passed over."""
    bundles: list[bytes] = []
    passed_over: list[str] = []
    total_bytes = 0
    for path in bundle_paths(folder):
        name = printable(path.name)
        try:
            with open_plain(path) as file:
                has_code = SEALED_TO_CODE in open_bundle(file, None).names
                file.seek(0)
                content = file.read(MOST_BUNDLE_BYTES + 1)
        except ProvisioningError as error:
            passed_over.append(f"{name} is not served. {error}")
            continue
        if len(content) > MOST_BUNDLE_BYTES:
            passed_over.append(
                f"{name} is not served: it has more than {MOST_BUNDLE_BYTES >> 20} MiB. Bring it by stick."
            )
        elif has_code and not codes:
            passed_over.append(
                f"{name} is not served: its passwords are sealed to a code, which whoever copies it from the network "
                "can find in days. Seal them to the handset (`wecall bundle mass --to`), bring it by stick, or give "
                "--codes."
            )
        else:
            total_bytes += LENGTH.size + len(content)
            bundles.append(content)
    if len(bundles) > MOST_BUNDLES or total_bytes > MOST_BYTES:
        raise click.ClickException(
            f"These are more than {MOST_BUNDLES} bundles, or more than {MOST_BYTES >> 20} MiB, which each handset "
            "would fetch. Serve them in parts, from several folders."
        )
    return bundles, passed_over


class _Server(ThreadingHTTPServer):
    """Answers everybody with the same bytes.

    Attributes:
        count: how many devices have been answered; nothing else is known of them.
        when_served: called with it when it has risen.
    """

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def __init__(self, port: int, body: bytes) -> None:
        self.body = body
        self.when_served: Callable[[int], None] = lambda _count: None
        self._lock = threading.Lock()
        self._devices: set[str] = set()
        super().__init__(("", port), _Answer)

    @property
    def count(self) -> int:
        return len(self._devices)

    def server_bind(self) -> None:
        """Listen to both families where there are two."""
        if self.address_family is socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def note(self, address: str) -> None:
        with self._lock:
            self._devices.add(address)
            self.when_served(self.count)

    def handle_error(self, _request: object, _client_address: object) -> None:
        """Say nothing of a device that has gone in the middle: it comes again."""


class _Answer(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float] = _SLOWEST_S

    def do_GET(self) -> None:
        if self.path != PATH:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response_only(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(self.server.body)
        self.server.note(self.client_address[0])

    def log_message(self, *_: object) -> None:
        """Keep no log of who has asked."""
