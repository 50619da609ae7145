"""Has root do what a bundle brings for it: networks, time servers, whom the firewall lets through."""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import SecretStr, TypeAdapter

from firmware.setup.root.messages import (
    MAX_LINE_BYTES,
    SOCKET,
    RootAnswer,
    RootOutcome,
    RootProgress,
    RootRequest,
    Wish,
)
from firmware.setup.root_socket import converse
from provisioning.network import wifi_password_name
from provisioning.schema import Configuration

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
    def hear(line: bytes) -> RootAnswer | None:
        said = _SAID.validate_json(line)
        if isinstance(said, RootAnswer):
            return said
        on_progress(said)
        return None

    plain = {name: secret.get_secret_value() for name, secret in request.secrets.items()}
    line = json.dumps({**request.model_dump(mode="json"), "secrets": plain}).encode() + b"\n"
    with _opened(bundle) as file:
        answer = await converse(path, "wecall-apply.service", line, hear, file=file, most_bytes=MAX_LINE_BYTES)
    return answer or RootAnswer(outcome=RootOutcome.UNAVAILABLE, number=request.number)


def _opened(bundle: Path | None) -> AbstractContextManager[BinaryIO | None]:
    return bundle.open("rb") if bundle is not None and bundle.exists() else nullcontext()
