"""The real RAUC asks `wecall fetch`, and that a real server: what comes through, and what the server sees."""

import json
import random
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.certificates import CertificateAuthority
from tests.lab.handset import WecallProcess
from tests.lab.ports import free_port
from tests.lab.update_server import PATH, Asked, UpdateServer, honest

PRIVACY = Path(__file__).parents[2] / "docs/privacy.md"
MANIFEST = """
[update]
compatible=wecall-handset-amd64
version=0.3.0

[bundle]
format=verity

[image.rootfs]
filename=root.img
"""
# As talkative as RAUC can be made (its reference, section "streaming"), and a phone's own names for itself.
SYSTEM = """
[system]
compatible=wecall-handset-amd64
bootloader=noop
variant-name={name}

[streaming]
send-headers=boot-id;machine-id;serial;variant;transaction-id;uptime

[handlers]
system-info={folder}/system-info
"""


@dataclass(frozen=True)
class Bundle:
    """A bundle of RAUC's, in the format with dm-verity.

    Attributes:
        content: its bytes.
        keyring: the certificate that signed it.
    """

    content: bytes
    keyring: Path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "in").mkdir()
    (folder / "in/root.img").write_bytes(random.Random(19).randbytes(1_000_000))
    (folder / "in/manifest.raucm").write_text(MANIFEST)
    certificate, key, file = folder / "release.pem", folder / "release.key", folder / "phone.raucb"
    request = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=release", "-days", "9")
    subprocess.run((*request, "-keyout", key, "-out", certificate), check=True, capture_output=True)
    subprocess.run(
        ("rauc", "bundle", f"--cert={certificate}", f"--key={key}", folder / "in", file),
        check=True,
        capture_output=True,
    )
    return Bundle(file.read_bytes(), certificate)


@pytest.fixture
def server(tmp_path: Path, bundle: Bundle) -> Iterator[UpdateServer]:
    server = UpdateServer(CertificateAuthority(tmp_path / "authority"), bundle.content)
    server.start()
    yield server
    server.stop()


@dataclass(frozen=True)
class Phone:
    """A running fetcher, and RAUC on the same phone."""

    folder: Path
    port: int
    process: WecallProcess
    bundle: Bundle

    def news(self) -> dict[str, object]:
        news: dict[str, object] = json.loads((self.folder / "news.json").read_text())
        return news

    def inspect(self) -> subprocess.CompletedProcess[str]:
        """Have RAUC verify the bundle that the fetcher brings."""
        name = self.folder.name
        (self.folder / "system.conf").write_text(SYSTEM.format(name=name, folder=self.folder))
        information = self.folder / "system-info"
        information.write_text(f"#!/bin/sh\necho RAUC_SYSTEM_SERIAL={name}\necho RAUC_SYSTEM_VARIANT={name}\n")
        information.chmod(0o755)
        command = ("rauc", f"--conf={self.folder}/system.conf", f"--keyring={self.bundle.keyring}", "info")
        return subprocess.run(
            (*command, f"http://127.0.0.1:{self.port}/update.raucb"), capture_output=True, text=True, check=False
        )


@contextmanager
def phone(folder: Path, server: UpdateServer, bundle: Bundle, **environment: str) -> Iterator[Phone]:
    folder.mkdir()
    wanted = {
        "address": server.address,
        "authority": server.authority.ca_pem.decode(),
        "size_bytes": len(bundle.content),
        "bandwidth_kbit": 100_000,
    }
    (folder / "wanted.json").write_text(json.dumps(wanted))
    port = free_port(socket.SOCK_STREAM)
    places = ("--wanted", folder / "wanted.json", "--news", folder / "news.json", "--in-call", folder / "in-call")
    process = WecallProcess("fetch", ["fetch", *map(str, places), "--port", str(port)], folder, environment)
    process.start()
    try:
        yield Phone(folder, port, process, bundle)
    finally:
        process.stop()


def test_rauc_verifies_a_bundle_that_comes_range_by_range(tmp_path: Path, server: UpdateServer, bundle: Bundle) -> None:
    with phone(tmp_path / "phone", server, bundle) as one:
        done = one.inspect()
        assert done.returncode == 0, done.stderr
        assert re.search(r"^Manifest Hash: +'[0-9a-f]{64}'$", done.stdout, re.MULTILINE)
        assert "Version:        '0.3.0'" in done.stdout
        assert one.process.stop() == 0
        news = one.news()
    assert news["code"] == ""
    # Its signature and what that covers, and no more.
    assert 4 < int(str(news["received_bytes"])) < len(bundle.content) / 10


def test_rauc_goes_on_over_a_server_that_breaks_off(tmp_path: Path, server: UpdateServer, bundle: Bundle) -> None:
    def breaks_off_each_second_time(asked: Asked) -> bool:
        if asked.count % 2:
            return honest(asked)
        asked.begin()
        asked.send(asked.body[: len(asked.body) // 2])
        return False

    server.behaviour = breaks_off_each_second_time
    with phone(tmp_path / "phone", server, bundle) as one:
        assert one.inspect().returncode == 0


def test_rauc_ends_at_once_where_the_server_lies_and_root_reads_why(
    tmp_path: Path, server: UpdateServer, bundle: Bundle
) -> None:
    def whole_file(asked: Asked) -> bool:
        asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(asked.content) + asked.content)
        return False

    server.behaviour = whole_file
    with phone(tmp_path / "phone", server, bundle) as one:
        assert one.inspect().returncode != 0
        assert one.news() == {"received_bytes": 0, "code": "server_wrong"}
        assert "localhost" not in one.process.log
    assert len(server.asked) == 1


def test_a_bundle_that_was_changed_on_its_way_is_not_verified(
    tmp_path: Path, server: UpdateServer, bundle: Bundle
) -> None:
    changed = bytearray(bundle.content)
    changed[-200] ^= 1
    server.content = bytes(changed)
    with phone(tmp_path / "phone", server, bundle) as one:
        assert one.inspect().returncode != 0


def test_a_server_sees_the_same_bytes_of_every_phone_and_what_the_page_on_privacy_says(
    tmp_path: Path, server: UpdateServer, bundle: Bundle
) -> None:
    seen = []
    for name, environment in (
        ("phone-1000", {"LANG": "en_GB.UTF-8", "TZ": "Europe/Berlin"}),
        ("phone-2000", {"LANG": "zh_CN.UTF-8", "TZ": "Asia/Shanghai", "http_proxy": "http://localhost:1"}),
    ):
        server.asked.clear()
        with phone(tmp_path / name, server, bundle, **environment) as one:
            assert one.inspect().returncode == 0
        seen.append(b"".join(server.asked))
    assert seen[0] == seen[1]
    (row,) = (line for line in PRIVACY.read_text(encoding="utf-8").splitlines() if line.startswith("| HTTPS, updates"))
    said = set(re.findall(r"`([A-Z][\w-]+)(?:: [^`]+)?`", row))
    fixed = set(re.findall(r"`([A-Z][\w-]+: [^`]+)`", row))
    for head in server.asked:
        start, *lines = head.decode().removesuffix("\r\n\r\n").split("\r\n")
        assert start == f"GET {PATH} HTTP/1.1"
        assert {line.partition(":")[0] for line in lines} == said
        assert fixed <= set(lines)
        assert f"Host: localhost:{server.port}" in lines
