"""What root remembers: whom it trusts, what it has installed, and what it must put back if nobody says that it works.

It is one value in one file, readable by root alone, so that each step from one to the next is one rename, which a power
cut leaves done or not done.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from firmware.base.durable import replace_durably, sync_folder
from firmware.base.errors import HandsetError
from provisioning.manifest import BundleNumber
from provisioning.section import Identifier, Section
from provisioning.trust import TrustedKey

NAME: Final = "record.json"

MOST_HISTORY: Final = 8
"""So many bundles can be gone back through; the handset keeps fewer."""

MOST_REVERTED: Final = 200


class RecordError(HandsetError):
    """What root remembers cannot be read. Nothing is trusted then: it is not the same as never having seen a bundle."""


class Snapshot(Section):
    """What was there.

    Attributes:
        files: contents in base64 by path; None where there was no file.
        radio: whether Wi-Fi was switched on; None where that was not touched.
    """

    files: dict[str, str | None]
    radio: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_format_1(cls, value: object) -> object:
        return _without(value, "environment", "firmware")


class Kept(Section):
    """A bundle that was found to work.

    Attributes:
        configuration: its text, by which the firewall knows the servers.
        before: what it replaced.
    """

    number: BundleNumber
    digest: str
    configuration: str = Field(repr=False)
    before: Snapshot = Field(repr=False)


class Pending(Kept):
    """A bundle that nobody has said of yet that it works.

    Attributes:
        goes_back: it was kept once, and somebody wants it back.
        in_force: everything of it is installed; otherwise something cut that off, or it is being undone.
        failed: it is being undone because it did not work.
        starts: how often this service was started while the bundle waited.
    """

    goes_back: bool = False
    in_force: bool = False
    failed: bool = False
    starts: int = 0

    @model_validator(mode="before")
    @classmethod
    def _of_format_1(cls, value: object) -> object:
        return _without(value, "switched", "asker", "failures")


class Record(Section):
    """All of it.

    Attributes:
        format: 2; what is read of format 1, which knew firmware of bundles as well, goes on without that.
        pins: the keys of the newest bundle's [trust]; going back to an older one does not bring back what it trusted.
        fleet: of the configuration in force; None before the first.
        newest: the highest number that was ever kept.
        reverted: numbers that were tried and did not work.
        history: the bundles that were kept, the last one is in force.
    """

    format: Annotated[Literal[2], BeforeValidator(lambda found: 2 if found == 1 else found)] = 2
    pins: tuple[TrustedKey, ...] = ()
    fleet: Identifier | None = None
    newest: Annotated[int, Field(ge=0)] = 0
    reverted: tuple[int, ...] = ()
    history: tuple[Kept, ...] = ()
    pending: Pending | None = None

    @property
    def active(self) -> Kept | None:
        """The bundle in force."""
        return self.history[-1] if self.history else None

    def kept(self, number: int) -> Kept | None:
        """Return the bundle of this number, as it was kept last."""
        return next((kept for kept in reversed(self.history) if kept.number == number), None)

    def before(self, number: int) -> Snapshot:
        """Return what there was just before whatever was kept after this number.

        Args:
            number: of a bundle in the history.
        """
        last = max(at for at, kept in enumerate(self.history) if kept.number == number)
        later = [kept.before for kept in self.history[last + 1 :]]
        merged = later[0]
        for snapshot in later[1:]:
            radio = snapshot.radio if merged.radio is None else merged.radio
            merged = merged.model_copy(update={"files": {**snapshot.files, **merged.files}, "radio": radio})
        return merged

    def keeping(self, pending: Pending, pins: tuple[TrustedKey, ...], fleet: str) -> "Record":
        """Return the record once the pending bundle is kept."""
        kept = Kept(
            number=pending.number, digest=pending.digest, configuration=pending.configuration, before=pending.before
        )
        return self.model_copy(
            update={
                "pins": self.pins if pending.goes_back else pins,
                "fleet": fleet,
                "newest": max(self.newest, pending.number),
                "history": (*self.history, kept)[-MOST_HISTORY:],
                "pending": None,
            }
        )

    def reverting(self, *, failed: bool) -> "Record":
        """Return the record once what there was before the pending bundle is back.

        Args:
            failed: it did not work, so it is not to be tried again.
        """
        reverted = self.reverted
        if failed and self.pending is not None and not self.pending.goes_back:
            reverted = (*reverted, self.pending.number)[-MOST_REVERTED:]
        return self.model_copy(update={"reverted": reverted, "pending": None})


def read_record(folder: Path) -> Record:
    """Return what root remembers; nothing before the first bundle.

    Raises:
        RecordError: there is something, but it cannot be read.
    """
    path = folder / NAME
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Record()
    except (OSError, ValidationError) as error:
        raise RecordError(
            f"{path} cannot be read ({type(error).__name__}), so no bundle is trusted. Restore it, or trust the next "
            "bundle's signer: sudo wecall config forget-operator"
        ) from error


def write_record(folder: Path, record: Record) -> None:
    """Remember something else from now on.

    Raises:
        OSError: the disk is full, read-only or broken; what was remembered stands.
    """
    replace_durably(folder / NAME, record.model_dump_json().encode())


def forget_record(folder: Path) -> None:
    """Remember nothing, as before the first bundle.

    Raises:
        OSError: the disk is read-only or broken; what was remembered stands.
    """
    (folder / NAME).unlink(missing_ok=True)
    sync_folder(folder)


def _without(value: object, *names: str) -> object:
    """Return what is read without what format 1 says of firmware."""
    return {name: each for name, each in value.items() if name not in names} if isinstance(value, dict) else value
