"""The page of updates: which version runs, what waits and why, until when it can be put off, and now or later."""

from firmware.base.words import Text, word
from firmware.phone.menu.choices import Choice, Choices
from firmware.phone.moves import go_home
from firmware.phone.state import PhoneState
from firmware.phone.update_phrases import KINDS, update_reason
from firmware.phone.updates import PostponeUpdate, UpdateNow, UpdateStage

UPDATES = word("Updates")


def updates_page(_state: PhoneState) -> Choices:
    """Make the page."""
    return Choices(UPDATES, _rows)


def _rows(state: PhoneState) -> list[Choice]:
    """Say first what there is to do, and last which version runs."""
    told = state.update
    version = [Choice(word("Version"), value=told.runs)] if told.runs else []
    if told.by_package:
        return [Choice(word("apt updates this phone.")), *version]
    rows: list[Choice] = []
    match told.stage:
        case UpdateStage.NONE:
            rows.append(Choice(word("No update waits.")))
        case UpdateStage.WAITING | UpdateStage.INSTALLED:
            rows += _waiting_rows(state)
        case UpdateStage.INSTALLING:
            rows.append(Choice(word("Installing"), value=f"{told.percent} %"))
        case UpdateStage.ON_TRIAL | UpdateStage.RESTARTING:
            rows.append(Choice(word("Being tried"), value=told.version))
        case UpdateStage.ENDED:
            rows.append(Choice(word("Last update"), value=told.version))
    if told.code is not None and told.stage is not UpdateStage.INSTALLED:
        rows.append(Choice(update_reason(told.code)))
    return rows + version


def _waiting_rows(state: PhoneState) -> list[Choice]:
    told = state.update
    is_here = told.stage is UpdateStage.INSTALLED
    rows = [Choice(word("Installed") if is_here else word("Waiting"), value=told.version)]
    if told.kind is not None:
        rows.append(Choice(word("What for"), value=KINDS[told.kind]))
    comes: Text = word("at night")
    if told.comes_tonight:
        comes = word("tonight")
    elif told.is_put_off:
        comes = told.until
    rows += [
        Choice(word("Comes"), value=comes),
        Choice(word("Restart now") if is_here else word("Install now"), _come_now if is_here else _install_now),
    ]
    if told.until and not told.is_put_off:
        rows.append(Choice(word("Put off until"), _put_off, told.until))
    return rows


def _install_now(state: PhoneState) -> None:
    state.emit(UpdateNow())


def _come_now(state: PhoneState) -> None:
    """Leave the menu: a phone that somebody uses does not restart."""
    state.emit(UpdateNow())
    state.menu.close()
    go_home(state)


def _put_off(state: PhoneState) -> None:
    state.emit(PostponeUpdate())
