"""Tries a bundle, keeps it, or puts back what there was: all that is done with root for one."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

from contract.results import OutcomeCode
from firmware.base.errors import HandsetError
from firmware.setup.root.installation import Installation, decoded, encoded
from firmware.setup.root.machine import Machine
from firmware.setup.root.messages import NOT_JOINED, RootAnswer, RootOutcome, RootStep
from firmware.setup.root.plan import Files, wanted_files, wanted_radio
from firmware.setup.root.record import Pending, Record, RecordError, Snapshot, forget_record, read_record, write_record
from firmware.setup.root.verification import Verifier
from provisioning.errors import BundleRefusedError, refuse
from provisioning.parsing import parse_configuration

_log = logging.getLogger(__name__)

HANDSET_UNIT: Final = "wecall-handset.service"
SYNC_UNIT: Final = "wecall-sync.service"

MOST_STARTS: Final = 3
"""So often the machine may be started while a bundle waits; then it is the bundle that does not let it run."""

OnStep = Callable[[RootStep], None]
"""Told what is being done."""


class NotJoinedError(HandsetError):
    """No Wi-Fi network of the bundle's lets the handset in, though there is one in reach."""


@dataclass(frozen=True, slots=True)
class _Aim:
    """What is to be in force."""

    number: int
    digest: str
    configuration: str
    files: Files
    radio: bool | None
    goes_back: bool = False


class Work:
    """What is done with root, one thing after the other; everything may be cut off anywhere."""

    def __init__(self, machine: Machine, verifier: Verifier) -> None:
        self._machine = machine
        self._verifier = verifier
        self._installation = Installation(machine)

    @property
    def pending(self) -> Pending | None:
        """The bundle of which nobody has said yet that it works."""
        return self._record.pending

    @property
    def _record(self) -> Record:
        return read_record(self._machine.state)

    def recover(self) -> None:
        """Put back what was cut off while it was installed; done before anything else."""
        record = self._record
        if (pending := record.pending) is None:
            return
        if not pending.in_force or pending.starts >= MOST_STARTS:
            self._put_back(record, pending, failed=pending.in_force or pending.failed)
        else:
            self._write(record, pending.model_copy(update={"starts": pending.starts + 1}))

    def attempt(self, number: int, bundle: BinaryIO | None, secrets: Mapping[str, str], on_step: OnStep) -> RootAnswer:
        """Install what a bundle brings, until somebody says that it works or that it does not.

        Args:
            number: of the bundle.
            bundle: its file, which nobody else can write to; None where it was kept once and is wanted back.
            secrets: the Wi-Fi passwords that it has sealed.
            on_step: told what is being done.

        Raises:
            RecordError: what root remembers cannot be read.
        """
        record = self._record
        if (pending := record.pending) is not None:
            if pending.number == number:
                return RootAnswer(outcome=RootOutcome.APPLIED, number=number)
            record = self._put_back(record, pending, failed=False)
        if record.active is not None and record.active.number == number:
            return RootAnswer(outcome=RootOutcome.APPLIED, number=number)
        try:
            aim = self._aim(record, number, bundle, secrets)
        except BundleRefusedError as error:
            _log.warning("Bundle refused: %s", error)
            return RootAnswer(outcome=RootOutcome.REFUSED, number=number, code=error.refusal)
        try:
            self._install(record, aim, on_step)
        except (OSError, HandsetError, BundleRefusedError) as error:
            _log.error("What the bundle brings could not be installed: %s", error)
            if (pending := self._record.pending) is not None:
                self._put_back(self._record, pending, failed=False)
            code = NOT_JOINED if isinstance(error, NotJoinedError) else RootStep.NETWORK
            return RootAnswer(outcome=RootOutcome.FAILED, number=number, code=code)
        return RootAnswer(outcome=RootOutcome.APPLIED, number=number)

    def keep(self, number: int) -> RootAnswer:
        """Keep what waits for good, if it is of this bundle.

        Raises:
            OSError: it cannot be written down; it waits on.
            RecordError: what root remembers cannot be read.
        """
        record = self._record
        pending = record.pending
        if pending is None or pending.number != number:
            kept = record.active is not None and record.active.number == number
            return RootAnswer(outcome=RootOutcome.KEPT if kept else RootOutcome.REVERTED, number=number)
        configuration = parse_configuration(pending.configuration)
        kept_record = record.keeping(pending, configuration.trust.keys, configuration.device.fleet)
        write_record(self._machine.state, kept_record)
        _log.info("Bundle %d is kept", number)
        return RootAnswer(outcome=RootOutcome.KEPT, number=number)

    def go_back(self, number: int) -> RootAnswer:
        """Put back what there was before a bundle that waits; another one that is in force stays.

        Raises:
            OSError: it cannot be put back now; the next start tries again.
            RecordError: what root remembers cannot be read.
        """
        record = self._record
        pending = record.pending
        if pending is None or pending.number != number:
            kept = record.active is not None and record.active.number == number
            return RootAnswer(outcome=RootOutcome.KEPT if kept else RootOutcome.REVERTED, number=number)
        self._put_back(record, pending, failed=False)
        return RootAnswer(outcome=RootOutcome.REVERTED, number=number)

    def forget_operator(self) -> None:
        """Trust the next bundle's signer on first use again; what bundles have installed stays, but for what waits.

        Raises:
            OSError: the disk is full, read-only or broken.
        """
        # What cannot be read cannot be put back either, and is trusted by nobody.
        with suppress(RecordError):
            self.give_up()
        forget_record(self._machine.state)
        self._verifier.forget_time()

    def give_up(self) -> None:
        """Put back what there was before what waits: nobody has said in time that it works.

        Raises:
            OSError: it cannot be put back now; the next start tries again.
            RecordError: what root remembers cannot be read.
        """
        record = self._record
        if (pending := record.pending) is None:
            return
        _log.warning("Nobody has said that bundle %d works: going back", pending.number)
        self._put_back(record, pending, failed=True)

    def _aim(self, record: Record, number: int, bundle: BinaryIO | None, secrets: Mapping[str, str]) -> _Aim:
        if (kept := record.kept(number)) is not None:
            before = record.before(number)
            return _Aim(
                number,
                kept.digest,
                kept.configuration,
                {path: decoded(content) for path, content in before.files.items()},
                before.radio,
                goes_back=True,
            )
        if bundle is None:
            refuse(OutcomeCode.UNREADABLE, f"Bundle {number} was never kept here, and did not come either.")
        verified = self._verifier.verify(record, number, bundle)
        files = wanted_files(verified.configuration, secrets, self._installation.keyfiles)
        return _Aim(number, verified.bundle.digest, verified.text, files, wanted_radio(verified.configuration))

    def _install(self, record: Record, aim: _Aim, on_step: OnStep) -> None:
        """Put it in force."""
        files = self._installation.changed(aim.files)
        radio_before = self._installation.radio if aim.radio is not None else None
        radio = aim.radio if aim.radio != radio_before else None
        pending = Pending(
            number=aim.number,
            digest=aim.digest,
            configuration=aim.configuration,
            before=Snapshot(
                files={path: encoded(self._installation.read(path)) for path in files},
                radio=radio_before if radio is not None else None,
            ),
            goes_back=aim.goes_back,
        )
        self._write(record, pending)
        if files or radio is not None:
            on_step(RootStep.NETWORK)
            self._installation.write(files)
            if not self._installation.take_up(files, radio):
                raise NotJoinedError("A Wi-Fi network in reach does not let the handset in. Check its password.")
        self._write(record, pending.model_copy(update={"in_force": True}))

    def _put_back(self, record: Record, pending: Pending, *, failed: bool) -> Record:
        """Have everything as it was before, and return what is remembered then."""
        if pending.in_force:
            # From here on it is neither the one nor the other, until this comes to its end now or after the next start.
            self._write(record, pending.model_copy(update={"in_force": False, "failed": failed}))
        before = pending.before
        files = self._installation.changed({path: decoded(content) for path, content in before.files.items()})
        self._installation.write(files)
        self._installation.take_up(files, before.radio)
        record = record.reverting(failed=failed)
        write_record(self._machine.state, record)
        return record

    def _write(self, record: Record, pending: Pending) -> None:
        write_record(self._machine.state, record.model_copy(update={"pending": pending}))
