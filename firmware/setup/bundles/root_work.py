"""Has root do what a bundle brings for it: networks, time servers, whom the firewall lets through."""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import SecretStr, TypeAdapter

from firmware.base.errors import ControlError
from firmware.setup.root.messages import (
    MAX_LINE_BYTES,
    SOCKET,
    RootAnswer,
    RootOutcome,
    RootProgress,
    RootRequest,
    Wish,
)
from provisioning.network import wifi_password_name
from provisioning.schema import Configuration

_SILENCE_S: Final = 300.0
"""So long it may say nothing: a bundle is read from a card and verified, and networks are joined meanwhile."""

_SAID: Final[TypeAdapter[RootAnswer | RootProgress]] = TypeAdapter(RootAnswer | RootProgress)


def needs_root(configuration: Configuration) -> bool:
    """Return whether a bundle brings something that nobody but root's service can install."""
    return configuration.network is not None or configuration.time is not None


class RootWork:
    """The service of root's, as the handset sees it.

    Every bundle is shown to it where it runs, also one that has nothing to install: it pins the keys that the bundle
    trusts, and the firewall lets through only the servers of a bundle that it has verified.

    Args:
        path: its socket.
    """

    def __init__(self, path: Path = Path(SOCKET)) -> None:
        self._path = path

    def wake(self) -> None:
        """Have it started by the service manager, which takes as long as a program takes to load, and do not wait."""
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            connection.connect(str(self._path))

    async def ask(
        self,
        number: int,
        bundle: Path,
        secrets: Mapping[str, str],
        on_progress: Callable[[RootProgress], None] = lambda _progress: None,
    ) -> RootAnswer:
        """Have a bundle installed for a trial, while no call goes on; asking again for the same one is allowed.

        It goes by itself two minutes later unless `confirm` comes.

        Args:
            number: the bundle's.
            bundle: the whole file; it need not be there where this bundle was kept once and is wanted back.
            secrets: what was sealed to the handset; only passwords of Wi-Fi networks are handed on.
            on_progress: told what is being done.

        Raises:
            ControlError: the service does not answer as it should; nothing is known about what it did.
        """
        wifi = {
            name: SecretStr(secrets[name])
            for name in (wifi_password_name(position) for position in range(1, 9))
            if name in secrets
        }
        request = RootRequest(wish=Wish.TRY, number=number, secrets=wifi)
        return await _converse(self._path, request, bundle, on_progress)

    async def confirm(self, number: int) -> RootAnswer:
        """Say that the bundle works, before it is written down here as the one that counts.

        KEPT is the one good answer: after REVERTED the trial has failed.

        Raises:
            ControlError: as for `ask`.
        """
        return await _converse(self._path, RootRequest(wish=Wish.KEEP, number=number))

    async def go_back(self, number: int) -> RootAnswer:
        """Have what was there before the bundle put back, while no call goes on; harmless where nothing was installed.

        Raises:
            ControlError: as for `ask`.
        """
        return await _converse(self._path, RootRequest(wish=Wish.GO_BACK, number=number))


async def _converse(
    path: Path,
    request: RootRequest,
    bundle: Path | None = None,
    on_progress: Callable[[RootProgress], None] = lambda _progress: None,
) -> RootAnswer:
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(_SILENCE_S) as limit:

            def note(progress: RootProgress) -> None:
                limit.reschedule(clock() + _SILENCE_S)
                on_progress(progress)

            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(connection, str(path))
                except (FileNotFoundError, ConnectionRefusedError):
                    return RootAnswer(outcome=RootOutcome.UNAVAILABLE, number=request.number)
                _send(connection, request, bundle)
                return await _answer(connection, note)
    except TimeoutError:
        raise ControlError(f"wecall-apply.service said nothing for {_SILENCE_S:.0f} s; see its journal.") from None
    except (OSError, ValueError) as error:
        raise ControlError(f"wecall-apply.service could not be asked: {error}. See its journal.") from error


def _send(connection: socket.socket, request: RootRequest, bundle: Path | None) -> None:
    """Send the request, with the open bundle beside its first byte."""
    plain = {name: secret.get_secret_value() for name, secret in request.secrets.items()}
    line = json.dumps({**request.model_dump(mode="json"), "secrets": plain}).encode() + b"\n"
    # A fresh connection takes a line of this size at once.
    if bundle is None or not bundle.exists():
        connection.sendall(line)
        return
    with bundle.open("rb") as file:
        sent = socket.send_fds(connection, [line], [file.fileno()])
    if sent < len(line):
        connection.sendall(line[sent:])


async def _answer(connection: socket.socket, on_progress: Callable[[RootProgress], None]) -> RootAnswer:
    reader, writer = await asyncio.open_unix_connection(sock=connection.dup(), limit=MAX_LINE_BYTES)
    try:
        while line := await reader.readline():
            said = _SAID.validate_json(line)
            if isinstance(said, RootAnswer):
                return said
            on_progress(said)
    finally:
        writer.close()
    raise ControlError("wecall-apply.service stopped before it answered; see its journal.")
