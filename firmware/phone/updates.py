"""What the phone hears of updates of its firmware, what it remembers of them, and what somebody here answers."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from contract.results import OutcomeCode
from firmware.phone.request import Request

if TYPE_CHECKING:
    from firmware.phone.state import PhoneState


class UpdateKind(StrEnum):
    """Why there is an update: it mends what is dangerous, or it brings something new."""

    SECURITY = "security"
    FEATURE = "feature"


class UpdateStage(StrEnum):
    """How far an update is.

    NONE: none is known. WAITING: it is announced and comes in idle hours. INSTALLING: it is put beside what runs.
    INSTALLED: it is there, and is yet to be tried. RESTARTING: the phone restarts to try it, in a minute or now.
    ON_TRIAL: it runs and is yet to be judged. ENDED: `code` says what became of it.
    """

    NONE = "none"
    WAITING = "waiting"
    INSTALLING = "installing"
    INSTALLED = "installed"
    RESTARTING = "restarting"
    ON_TRIAL = "on_trial"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class UpdateTold:
    """It is known how updates stand.

    Attributes:
        runs: the version that runs.
        by_package: the machine's own package service updates this phone.
        stage: how far the update is.
        version: the update's; empty where it is not known yet.
        kind: why there is one; None where a stick brought it.
        percent: how much of it is installed.
        restarts_in_s: so long until the phone restarts; 0 for now.
        is_put_off: the holder has put it off.
        until: the day to which it may be put off, in the display's language; empty where it may not.
        comes_tonight: it comes in the next idle hours.
        code: what became of it, or why the last try came to nothing; empty where nothing did yet.
    """

    runs: str = ""
    by_package: bool = False
    stage: UpdateStage = UpdateStage.NONE
    version: str = ""
    kind: UpdateKind | None = None
    percent: int = 0
    restarts_in_s: int = 0
    is_put_off: bool = False
    until: str = ""
    comes_tonight: bool = False
    code: OutcomeCode | None = None

    @property
    def is_worth_a_word(self) -> bool:
        """Whether a phone that nobody uses says so: of security alone, where it comes or did not work."""
        if self.kind is not UpdateKind.SECURITY:
            return False
        waits = self.stage in {UpdateStage.WAITING, UpdateStage.INSTALLED} and self.comes_tonight
        return waits or (self.stage is UpdateStage.ENDED and self.code is OutcomeCode.WENT_BACK)


@dataclass(frozen=True, slots=True)
class PostponeUpdate(Request[None]):
    """Put the update off for as long as the configuration lets the holder."""


@dataclass(frozen=True, slots=True)
class UpdateNow(Request[None]):
    """Install the update and try it as soon as nobody uses the phone."""


@dataclass(frozen=True, slots=True)
class PutOffRestart(Request[None]):
    """Restart later: somebody is using the phone."""


def keep_restart(state: "PhoneState", *, is_touched: bool) -> None:
    """Put a restart off that was announced, where somebody touches the phone."""
    if is_touched and state.update.stage is UpdateStage.RESTARTING and state.update.restarts_in_s:
        state.update = replace(state.update, stage=UpdateStage.INSTALLED, restarts_in_s=0)
        state.emit(PutOffRestart())


def take_update(state: "PhoneState", event: UpdateTold) -> None:
    """Remember how updates stand, whatever the phone is doing."""
    state.update = event
