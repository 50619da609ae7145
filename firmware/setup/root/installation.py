"""Writes the files that a configuration wants, and has the machine's services take them up."""

import base64
from pathlib import Path, PurePosixPath
from typing import Final

from firmware.base.durable import replace_durably, sync_folder
from firmware.setup.root.connections import FOLDER, OWN
from firmware.setup.root.machine import Machine
from firmware.setup.root.network_manager import NetworkManager
from firmware.setup.root.plan import TIME_SERVERS, Files, is_network

_PRIVATE: Final = 0o600
"""NetworkManager reads no keyfile that others may read."""

_PUBLIC: Final = 0o644


class Installation:
    """The files of a machine that bundles may change."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._network_manager = NetworkManager(machine)

    @property
    def keyfiles(self) -> list[str]:
        """The names of the keyfiles that are ours."""
        folder = self._machine.root / FOLDER
        return sorted(path.name for path in folder.glob("wecall-*") if OWN.fullmatch(path.name))

    @property
    def radio(self) -> bool | None:
        """Whether Wi-Fi is switched on; None where nobody can say."""
        return self._network_manager.radio

    def changed(self, files: Files) -> Files:
        """Return those of the files that are not so yet."""
        return {path: content for path, content in files.items() if self.read(path) != content}

    def read(self, path: str) -> bytes | None:
        """Return what is in a file; None where there is none."""
        try:
            return (self._machine.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, files: Files) -> None:
        """Have files be as said.

        Raises:
            OSError: the disk is full, read-only or broken; each file is as it was or as said.
        """
        for path, content in files.items():
            target = self._machine.root / path
            if content is None:
                if target.exists():
                    target.unlink()
                    sync_folder(target.parent)
                continue
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            replace_durably(target, content, replace=_place_private if is_network(path) else _place_public)

    def take_up(self, files: Files, radio: bool | None) -> bool:
        """Have the services that are there take up what has changed; see `NetworkManager.take_up`."""
        if TIME_SERVERS in files:
            self._machine.run("systemctl", "try-restart", "systemd-timesyncd.service")
        changed = {_connection(path) for path in files if is_network(path)}
        if not changed and radio is None:
            return True
        present = {_connection(name): self.read(f"{FOLDER}/{name}") or b"" for name in self.keyfiles}
        return self._network_manager.take_up(present, changed, radio)


def encoded(content: bytes | None) -> str | None:
    """Return content as JSON can have it."""
    return None if content is None else base64.b64encode(content).decode("ascii")


def decoded(content: str | None) -> bytes | None:
    """Return what `encoded` was given."""
    return None if content is None else base64.b64decode(content)


def _connection(path: str) -> str:
    return PurePosixPath(path).stem


def _place_private(draft: Path, target: Path) -> None:
    draft.chmod(_PRIVATE)
    draft.replace(target)


def _place_public(draft: Path, target: Path) -> None:
    draft.chmod(_PUBLIC)
    draft.replace(target)
