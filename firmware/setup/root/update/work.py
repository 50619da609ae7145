"""Installs an update into the other slot, has it tried once, keeps it or goes back; it may be cut off anywhere."""

import base64
import binascii
import errno
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.results import OutcomeCode
from firmware.base.durable import replace_durably
from firmware.base.errors import HandsetError
from firmware.setup.root.boot.choice import BootChoice, BootError
from firmware.setup.root.machine import Machine
from firmware.setup.root.update.card import Card
from firmware.setup.root.update.memory import (
    Memory,
    MemoryDamagedError,
    Phase,
    Start,
    Waiting,
    is_on_trial,
    may_go_back,
    must_go_back,
    read_memory,
    recovered,
    write_memory,
)
from firmware.setup.root.update.messages import UpdateOutcome, UpdateRequest, UpdateState
from firmware.setup.root.update.rauc import BundleFacts, Rauc, UpdateRefusedError, refuse_update
from firmware.setup.root.update.release import Announced, Announcements, Prove, ReleaseTrust, check_release
from provisioning.signed import DocumentRefusedError

_log = logging.getLogger(__name__)

FETCH_UNIT: Final = "wecall-fetch.service"
RELAY: Final = "http://127.0.0.1:7421/update.raucb"
"""Where the fetcher gives RAUC what it has fetched."""

_DOWNLOAD: Final = (
    OutcomeCode.UNREACHABLE, OutcomeCode.STALLED, OutcomeCode.SERVER_WRONG, OutcomeCode.WRONG_SIZE,
    OutcomeCode.TOO_LARGE, OutcomeCode.POSTPONED,
)  # fmt: skip
"""What the fetcher may say of a download (`firmware.fetch.wanted.FetchCode`)."""

_BROKEN_OFF: Final = (
    OutcomeCode.UNREACHABLE, OutcomeCode.STALLED, OutcomeCode.DAMAGED, OutcomeCode.FAILED,
)  # fmt: skip
"""What RAUC says of bytes that it has lost; why it did, the fetcher knows."""

_MOST_CALLS: Final = 3
"""So many calls may each hold a download up for longer than the kernel waits; after one more the handset asks again."""

_NEWS: Final = "run/wecall-fetch/news.json"
_MOST_NEWS_BYTES: Final = 4096

_LEAST_FREE_BYTES: Final = 48 * 1024 * 1024
"""RAUC keeps a hash of each block of what it writes: 16 MiB for a root of 2 GiB, at most twice at once."""

Ended = tuple[UpdateOutcome, OutcomeCode | str]


@dataclass(frozen=True, slots=True)
class Context:
    """What the work leans on.

    Attributes:
        boot: gives the choice of what boots, while it is needed.
        start: how the machine was started.
        prove: checks a proof of the transparency log.
        free_bytes: returns the room in a folder.
        sleep: waits for so many seconds.
    """

    machine: Machine
    card: Card
    boot: Callable[[], AbstractContextManager[BootChoice]]
    start: Start
    rauc: Rauc
    trust: ReleaseTrust
    announcements: Announcements
    prove: Prove
    free_bytes: Callable[[Path], int] = lambda folder: os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    sleep: Callable[[float], None] = time.sleep


class UpdateWork:
    """All that is done with root for an update, one thing after the other."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._machine = context.machine
        self._folder = context.machine.root / "run/wecall-update"
        self._begun: Memory | None = None

    @property
    def is_on_trial(self) -> bool:
        """Whether nobody has said yet that what runs works."""
        return self._is_card and is_on_trial(self._memory, self._context.start.slot)

    @property
    def is_in_call(self) -> bool:
        """Whether the handset says that a call is on."""
        return (self._machine.root / "run/wecall/in-call").exists()

    @property
    def received_bytes(self) -> int:
        """How much of a download has come."""
        return self._news()[0]

    def recover(self) -> None:
        """Go on from wherever something was cut off; done before the handset starts.

        Raises:
            OSError: the disk is full, read-only or broken, or the bootloader's files cannot be written.
            MemoryDamagedError: what root remembers cannot be read.
        """
        if self._is_card:
            self._context.trust.forget_keyring()
            self._stop_fetching()
            start, memory = self._context.start, self._memory
            following = recovered(memory, start)
            runs = following.waiting if following.waiting is not None and following.waiting.slot == start.slot else None
            if runs is not None and runs.version != self._context.card.version:
                # What was written there is not what runs from there: another disk took the card's place.
                following = following.failing(start.boot_id)
            if following.waiting is not None and following.waiting.slot == start.primary != start.slot:
                # It was found good, and now it cannot be loaded: it has to be tried like any other.
                with self._context.boot() as boot:
                    boot.set_primary(start.slot)
            self._normalise()
            # A system on trial, or one that has failed it, has no say in whom the system of before trusts.
            if following.waiting is None or following.waiting.slot != start.slot:
                following = self._context.trust.with_own(following)
            if following != memory:
                write_memory(self._machine.state, following)
        self.write_state()
        if self._is_card and must_go_back(self._memory, self._context.start):
            self._reboot()

    def state(self) -> UpdateState:
        """Return how the machine stands."""
        card = self._context.card
        if card.how != "card":
            return UpdateState(how=card.how, version=card.version)
        slot = self._context.start.slot
        try:
            memory = self._memory
            goes_back = may_go_back(memory, slot)
        except MemoryDamagedError:
            memory = Memory(last=OutcomeCode.FAILED)
            # The bootloader knows it, too.
            goes_back = slot is not self._context.start.primary
        waiting = memory.waiting
        return UpdateState(
            how=card.how,
            version=card.version,
            slot=slot,
            installed=waiting.version if waiting is not None and waiting.slot != slot else "",
            on_trial=goes_back,
            tries=waiting.tries if waiting is not None else 0,
            last=memory.last,
            last_version=memory.last_version,
            floor=memory.floor,
            keys_number=memory.keys_number,
        )

    def write_state(self) -> None:
        """Put the state where everybody may read it; nothing in it is secret.

        Raises:
            OSError: the folder in memory is full.
        """

        def show(draft: Path, target: Path) -> None:
            draft.chmod(0o644)
            draft.replace(target)

        replace_durably(self._folder / "state.json", self.state().model_dump_json().encode(), replace=show)

    def install(self, request: UpdateRequest, descriptor: int | None, on_percent: Callable[[int], None]) -> Ended:
        """Put an update into the other slot.

        Args:
            request: with the operator's document, where it comes over the network.
            descriptor: the bundle on a stick, open for reading.
            on_percent: told how much is done.
        """
        with self._told() as ended:
            self._check_idle()
            self._check_trials()
            memory = self._with_keys(self._memory, _decoded(request.release_keys))
            announced = None
            if request.message:
                document = _decoded(request.message)
                announced = self._context.announcements.read(memory, document, self._context.card.compatible)
                memory = self._with_keys(memory, _decoded(announced.release_keys))
            try:
                self._context.trust.write_keyring(memory)
                code = self._install_past_calls(memory, announced, descriptor, request.proof, on_percent)
            except (HandsetError, OSError) as error:
                if self._begun is not None:
                    with suppress(OSError):
                        self._write(self._begun.ended(_code_of(error)))
                raise
            finally:
                self._begun = None
                self._context.trust.forget_keyring()
            ended.append((UpdateOutcome.DONE, code))
        return ended[-1]

    def start_trial(self) -> Ended:
        """Boot what waits, once; the machine starts anew."""
        with self._told() as ended:
            self._check_idle()
            memory = self._memory
            if memory.waiting is None:
                refuse_update(OutcomeCode.FAILED, "No update waits in the other slot. Install one first.")
            self._write(memory.starting(self._context.start.boot_id))
            try:
                with self._context.boot() as boot:
                    argument = boot.arm_trial(memory.waiting.slot)
                self._reboot(argument)
            except (OSError, HandsetError):
                self._normalise()
                self._write(memory)
                raise
            ended.append((UpdateOutcome.DONE, ""))
        return ended[-1]

    def works(self) -> Ended:
        """Keep what runs on trial, for good; said again, it is still so."""
        with self._told() as ended:
            if not self.is_on_trial:
                memory = self._memory
                is_kept = (memory.last, memory.last_version) == (OutcomeCode.APPLIED, self._context.card.version)
                ended.append((UpdateOutcome.DONE if is_kept else UpdateOutcome.REFUSED, memory.last))
                return ended[-1]
            # This one write decides: whoever is cut off after it is found to be kept at the next start.
            with self._context.boot() as boot:
                boot.set_primary(self._context.start.slot)
            self._write(self._context.trust.with_own(self._memory.kept()))
            ended.append((UpdateOutcome.DONE, OutcomeCode.APPLIED))
        return ended[-1]

    def fails(self) -> Ended:
        """Give up what runs on trial, and boot the system of before."""
        with self._told() as ended:
            if not self.is_on_trial:
                ended.append((UpdateOutcome.REFUSED, self._memory.last))
                return ended[-1]
            self.note_failed()
            self._reboot()
            ended.append((UpdateOutcome.DONE, OutcomeCode.WENT_BACK))
        return ended[-1]

    def note_failed(self) -> None:
        """Remember that what runs on trial did not work: it failed, or somebody has the machine started anew."""
        self._write(self._memory.failing(self._context.start.boot_id))

    def take_release_keys(self, content: str) -> Ended:
        """Take a newer list of release keys, in base64."""
        with self._told() as ended:
            self._check_idle()
            memory = self._memory
            is_newer = self._with_keys(memory, _decoded(content)) != memory
            ended.append((UpdateOutcome.DONE, "") if is_newer else (UpdateOutcome.REFUSED, OutcomeCode.OLD))
        return ended[-1]

    def is_stopping(self) -> bool:
        """Tell whether the machine is being switched off or started anew."""
        return self._machine.run("systemctl", "show", "--property=SystemState", "--value") == "stopping\n"

    # --- steps of these ---

    @property
    def _is_card(self) -> bool:
        return self._context.card.how == "card"

    @property
    def _memory(self) -> Memory:
        return read_memory(self._machine.state)

    def _write(self, memory: Memory) -> None:
        write_memory(self._machine.state, memory)
        self.write_state()

    def _normalise(self) -> None:
        with self._context.boot() as boot:
            boot.normalise()

    def _check_idle(self) -> None:
        how = self._context.card.how
        if how == "package":
            refuse_update(OutcomeCode.BY_PACKAGE, "apt updates this phone: it is a Debian package.")
        if how == "other":
            refuse_update(OutcomeCode.NOT_FOR_THIS, "This machine was not set up from a card's image.")
        if (waiting := self._memory.waiting) is not None and waiting.phase is not Phase.PENDING:
            refuse_update(OutcomeCode.BUSY, "An update is on trial. Wait until it is over.")

    def _check_trials(self) -> None:
        with self._context.boot() as boot:
            try:
                boot.check_trials()
            except BootError as error:
                refuse_update(OutcomeCode.FAILED, str(error))

    def _with_keys(self, memory: Memory, content: bytes) -> Memory:
        if not content or (newer := self._context.trust.with_list(memory, content)) == memory:
            return memory
        self._write(newer)
        return newer

    @contextmanager
    def _location(self, announced: Announced | None, descriptor: int | None) -> Iterator[str]:
        """Say where RAUC finds the bundle, and see to it that it is there meanwhile."""
        if announced is None:
            if descriptor is None:
                refuse_update(OutcomeCode.UNREADABLE, "There is no update beside the wish to install one.")
            # RAUC's service opens it by its own rights, and this process stays until it has. The name leads to this
            # very file, wherever it lies: whoever has broken into the handset can point root at no other.
            yield f"/proc/{os.getpid()}/fd/{descriptor}"
            return
        wanted = {
            "address": announced.bundle.address,
            "authority": announced.authority or None,
            "size_bytes": announced.bundle.size_bytes,
            "bandwidth_kbit": self._context.announcements.demands().bandwidth_kbit,
        }
        # What ended an earlier download is no news of this one.
        (self._machine.root / _NEWS).unlink(missing_ok=True)
        draft = self._folder / ".wanted.new"
        draft.write_text(json.dumps(wanted), encoding="ascii")
        draft.replace(self._folder / "wanted.json")
        try:
            if self._machine.run("systemctl", "restart", FETCH_UNIT) is None:
                refuse_update(OutcomeCode.FAILED, f"{FETCH_UNIT} does not start; see its journal.")
            yield RELAY
        except UpdateRefusedError as error:
            if error.code in _BROKEN_OFF:
                error.code = self._news()[1] or error.code
            raise
        finally:
            self._stop_fetching()

    def _stop_fetching(self) -> None:
        if (path := self._folder / "wanted.json").exists():
            path.unlink()
            self._machine.run("systemctl", "stop", FETCH_UNIT)

    def _install_past_calls(
        self,
        memory: Memory,
        announced: Announced | None,
        descriptor: int | None,
        proof: str,
        on_percent: Callable[[int], None],
    ) -> OutcomeCode:
        """Install, and begin again after a call: the kernel gives up what it waits for after 300 s (ADR 0125)."""
        calls = 0
        while True:
            try:
                with self._location(announced, descriptor) as location:
                    return self._install_from(location, self._begun or memory, announced, proof, on_percent)
            except UpdateRefusedError as error:
                if error.code is not OutcomeCode.POSTPONED or calls == _MOST_CALLS:
                    raise
            calls += 1
            _log.info("A call has held the download up for too long; it begins again once the call is over.")
            while self.is_in_call:
                self._context.sleep(1.0)

    def _install_from(
        self,
        location: str,
        memory: Memory,
        announced: Announced | None,
        proof: str,
        on_percent: Callable[[int], None],
    ) -> OutcomeCode:
        context = self._context
        facts = self._inspect(location, memory)
        check_release(facts, context.card, memory, announced)
        if context.announcements.demands().require_proof:
            context.prove((announced.bundle.proof if announced is not None else "") or proof, facts)
        waiting = memory.waiting
        if announced is not None:
            memory = memory.model_copy(update={"number": announced.number})
        if waiting is not None and waiting.manifest_sha256 == facts.manifest_sha256:
            return OutcomeCode.INSTALLED
        if context.free_bytes(self._machine.state) < _LEAST_FREE_BYTES:
            refuse_update(OutcomeCode.NO_SPACE, "The data partition is too full to take an update.")
        self._begun = memory.begun(facts.version)
        self._write(self._begun)
        with context.boot() as boot:
            boot.normalise()
            if not boot.on_trial:
                # The other one may be the primary one, which could not be loaded; it is about to be overwritten.
                boot.set_primary(context.start.slot)
        context.rauc.install(location, on_percent)
        target = context.start.slot.other
        if not (written := context.rauc.lies_in(target)):
            refuse_update(OutcomeCode.FAILED, "RAUC does not say what it has written; `rauc status` says why.")
        if written != facts.manifest_sha256:
            refuse_update(OutcomeCode.WRONG_HASH, "What was written is not what was looked at before.")
        self._machine.flush()
        waiting = Waiting(slot=target, version=facts.version, manifest_sha256=facts.manifest_sha256)
        self._write(self._begun.installed(waiting))
        return OutcomeCode.INSTALLED

    def _inspect(self, location: str, memory: Memory) -> BundleFacts:
        try:
            return self._context.rauc.inspect(location)
        except UpdateRefusedError as error:
            if error.code is OutcomeCode.UNKNOWN_KEY and self._context.trust.write_revoked(memory):
                with suppress(UpdateRefusedError):
                    self._context.rauc.inspect(location)
                    error.code = OutcomeCode.KEY_REVOKED
            raise

    def _reboot(self, argument: str = "") -> None:
        arguments = (f"--reboot-argument={argument}",) if argument else ()
        if self._machine.run("systemctl", "--no-block", "reboot", *arguments) is None:
            refuse_update(OutcomeCode.FAILED, "The machine does not start anew. Switch it off and on.")

    def _news(self) -> tuple[int, OutcomeCode | None]:
        """Return how much the fetcher has received, and what ended that; it may say or put there anything else, too."""
        try:
            with open(self._machine.root / _NEWS, "rb", opener=_open_no_other) as file:
                said = json.loads(file.read(_MOST_NEWS_BYTES))
            return max(int(said["received_bytes"]), 0), next((code for code in _DOWNLOAD if code == said["code"]), None)
        except (OSError, ValueError, LookupError, TypeError, OverflowError):
            return 0, None

    @contextmanager
    def _told(self) -> Iterator[list[Ended]]:
        """Turn what went wrong into an answer."""
        ended: list[Ended] = []
        try:
            yield ended
        except (UpdateRefusedError, DocumentRefusedError) as error:
            _log.warning("Update: %s", error)
            ended.append((UpdateOutcome.REFUSED, _code_of(error)))
        except (OSError, ValueError, HandsetError) as error:
            _log.error("Update: %s", error)
            ended.append((UpdateOutcome.FAILED, _code_of(error)))


def _open_no_other(path: str, flags: int) -> int:
    """Open a file of the fetcher's: no link leads elsewhere, and nothing is waited for."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _code_of(error: Exception) -> OutcomeCode:
    if isinstance(error, UpdateRefusedError):
        return error.code
    if isinstance(error, DocumentRefusedError):
        return error.refusal
    full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    return OutcomeCode.NO_SPACE if full else OutcomeCode.FAILED


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        refuse_update(OutcomeCode.UNREADABLE, "What came beside the wish is no base64.")
