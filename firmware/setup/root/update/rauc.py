"""RAUC, asked as "Using RAUC" in its documentation says: it judges signatures and writes slots, and activates none.

Its service runs beside this one with rights of its own, so a bundle is looked at and installed there: this process
parses no byte of a bundle, and writes no slot.
"""

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, NoReturn

from pydantic import Field

from contract.results import OutcomeCode
from firmware.base.errors import HandsetError
from provisioning.section import Section

_INSPECT: Final = (
    # What reads a bundle's end over a slow line may take longer than the bus waits by itself, 25 s. The kernel gives up
    # each piece of it after 300 s; where that does not end it, this does.
    "busctl", "--timeout=600", "--json=short", "call", "de.pengutronix.rauc", "/", "de.pengutronix.rauc.Installer",
    "InspectBundle", "sa{sv}",
)  # fmt: skip
_STATUS: Final = ("rauc", "status", "--detailed", "--output-format=json")
_PROGRESS: Final = re.compile(r" *([0-9]{1,3})% ")
_LAST_ERROR: Final = "LastError: "

_CODES: Final = (
    ("certificate has expired", OutcomeCode.EXPIRED),
    ("certificate is not yet valid", OutcomeCode.NOT_YET_VALID),
    ("Verify error: ", OutcomeCode.UNKNOWN_KEY),
    ("signature verification failed", OutcomeCode.FORGED),
    ("already processing", OutcomeCode.BUSY),
    ("No space left on device", OutcomeCode.NO_SPACE),
    ("Compatible mismatch", OutcomeCode.NOT_FOR_THIS),
    ("Bundle format ", OutcomeCode.UNREADABLE),
    ("Failed to stream bundle", OutcomeCode.UNREACHABLE),
    ("Call failed: Connection timed out", OutcomeCode.STALLED),
    ("Invalid bundle format", OutcomeCode.DAMAGED),
    ("Failed to load manifest", OutcomeCode.DAMAGED),
    # A stick that was pulled out, a download that broke off, or bytes that dm-verity does not know.
    ("Input/output error", OutcomeCode.DAMAGED),
)
"""What RAUC 1.13 says (src/bundle.c, signature.c, install.c, service.c), by the first that its words contain."""

Program = Callable[[Sequence[str], Callable[[str], None]], int]
"""Runs a program, hands on each line as it comes, and returns the exit code."""


class UpdateRefusedError(HandsetError):
    """An update is not taken, or did not come to its end.

    Attributes:
        code: why.
    """

    def __init__(self, code: OutcomeCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def refuse_update(code: OutcomeCode, message: str) -> NoReturn:
    """Refuse an update.

    Raises:
        UpdateRefusedError: always.
    """
    raise UpdateRefusedError(code, message)


class BundleFacts(Section):
    """What a bundle says of itself, under a signature that RAUC has verified.

    Attributes:
        version: no longer than root's state can say it.
        manifest_sha256: RAUC's hash of the manifest, which names the hashes of all that is in the bundle.
    """

    compatible: str
    version: Annotated[str, Field(max_length=64)]
    manifest_sha256: str


def run_lines(command: Sequence[str], on_line: Callable[[str], None]) -> int:
    """Run one of the system's programs; what it writes to either channel comes line by line."""
    with subprocess.Popen(  # noqa: S603 - the commands are ours, and no shell reads them
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        for line in running.stdout or ():
            on_line(line.rstrip("\n"))
        return running.wait()


class Rauc:
    """RAUC's service on this machine.

    Args:
        run: runs a program.
    """

    def __init__(self, run: Program = run_lines) -> None:
        self._run = run

    def inspect(self, location: str) -> BundleFacts:
        """Return what a bundle says of itself, once its signature has been verified.

        Args:
            location: a URL, or the path of a file.

        Raises:
            UpdateRefusedError: RAUC refuses it.
        """
        code, lines = self._ask(*_INSPECT, location, "0")
        if code != 0:
            _refuse(lines)
        try:
            said = _plain(json.loads(lines[-1])["data"][0])
            return BundleFacts(
                compatible=said["update"]["compatible"],
                version=said["update"]["version"],
                manifest_sha256=said["manifest-hash"],
            )
        except (ValueError, LookupError, TypeError):
            raise UpdateRefusedError(
                OutcomeCode.UNREADABLE, "The update's manifest has no version or compatible that fits. Build it anew."
            ) from None

    def install(self, location: str, on_percent: Callable[[int], None]) -> None:
        """Write a bundle into the slots that do not run.

        Args:
            location: as for `inspect`.
            on_percent: told how much is done.

        Raises:
            UpdateRefusedError: it did not come to its end; what is in those slots now is worth nothing.
        """
        said: list[str] = []

        def hear(line: str) -> None:
            if found := _PROGRESS.match(line):
                on_percent(min(int(found[1]), 100))
            else:
                said.append(line)

        if self._run(("rauc", "install", location), hear) != 0:
            _refuse([line for line in said if line.startswith(_LAST_ERROR)] or said)

    def lies_in(self, bootname: str) -> str:
        """Return the manifest's hash of the bundle that was written whole into a slot's partitions; empty for none.

        Args:
            bootname: "A" or "B".
        """
        code, lines = self._ask(*_STATUS)
        try:
            slots = {name: slot for entry in json.loads(lines[-1])["slots"] for name, slot in entry.items()}
            root = next(name for name, slot in slots.items() if slot["bootname"] == bootname)
            group = [slot["slot_status"] for name, slot in slots.items() if root in {name, slot["parent"]}]
            found = {status["bundle"]["hash"] if status["status"] == "ok" else "" for status in group}
        except (ValueError, LookupError, TypeError, StopIteration):
            return ""
        return str(found.pop()) if code == 0 and len(found) == 1 else ""

    def _ask(self, *command: str) -> tuple[int, list[str]]:
        lines: list[str] = []
        code = self._run(command, lines.append)
        return code, lines or [""]


def _refuse(lines: Sequence[str]) -> NoReturn:
    said = "\n".join(lines)
    code = next((code for words, code in _CODES if words in said), OutcomeCode.FAILED)
    # What stood in a bundle's manifest is not repeated: RAUC's own journal has it.
    refuse_update(code, f"RAUC does not take the update ({code}); `journalctl -u rauc` says why.")


def _plain(value: Any) -> Any:
    """Return what busctl's JSON says without the types that stand around each value."""
    if isinstance(value, dict):
        return _plain(value["data"]) if value.keys() == {"type", "data"} else {k: _plain(v) for k, v in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
