import asyncio
from dataclasses import replace

import pytest

from contract.calls import CallDirection
from firmware.phone.call import CallerId, CallState
from firmware.phone.menu_views import EntryKind, EntryView
from firmware.phone.view import CallView, Mode, PhoneView
from firmware.setup.bundles.watch import PhoneWatch
from tests.lab.bundle_desk import QUIET

pytestmark = pytest.mark.feature("bundle trial")

OVER = CallView(CallState.DISCONNECTED, CallDirection.OUTGOING, CallerId("1", ""))


def call(state: CallState) -> CallView:
    return replace(OVER, state=state)


@pytest.mark.parametrize(
    "view",
    [
        replace(QUIET, off_hook=True),
        replace(QUIET, speaker=True),
        PhoneView(Mode.COLLECTING_DIGITS),
        PhoneView(Mode.OUTGOING, call=call(CallState.DIALING)),
        PhoneView(Mode.RINGING, call=call(CallState.INCOMING)),
        PhoneView(Mode.IN_CALL, call=call(CallState.HELD)),
        PhoneView(Mode.CALL_ENDED, call=OVER, other_calls=(call(CallState.WAITING),)),
        PhoneView(Mode.MENU, other_calls=(call(CallState.HELD),)),
        PhoneView(Mode.REDIALLING),
    ],
)
def test_nothing_starts_anew_where_somebody_calls_is_called_or_is_about_to_call(view: PhoneView) -> None:
    watch = PhoneWatch()
    assert not watch.is_quiet, "nothing was known of the phone"
    watch.note_view(view)
    assert not watch.is_quiet


@pytest.mark.parametrize(
    "view", [QUIET, PhoneView(Mode.UNPROVISIONED), PhoneView(Mode.MENU), PhoneView(Mode.CALL_ENDED, call=OVER)]
)
def test_a_phone_that_nobody_calls_with_is_quiet(view: PhoneView) -> None:
    watch = PhoneWatch()
    watch.note_view(view)
    assert watch.is_quiet


@pytest.mark.parametrize(
    "view",
    [
        PhoneView(Mode.WRITING),
        PhoneView(Mode.LISTENING),
        PhoneView(Mode.MENU, menu=EntryView("Name", "Ad", EntryKind.TEXT)),
    ],
)
async def test_whoever_writes_or_listens_is_not_interrupted_by_what_the_operator_sends(view: PhoneView) -> None:
    watch = PhoneWatch()
    watch.note_view(view)
    await watch.until_quiet()
    waiting = asyncio.create_task(watch.until_quiet(expected=False))
    await asyncio.sleep(0)
    assert not waiting.done()
    watch.note_view(QUIET)
    await waiting


async def test_a_page_that_is_only_read_keeps_the_operator_out_no_time() -> None:
    watch = PhoneWatch()
    watch.note_view(PhoneView(Mode.MENU))
    await watch.until_quiet(expected=False)


async def test_a_message_that_nobody_puts_away_does_not_keep_the_operator_out_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firmware.setup.bundles.watch._COURTESY_S", 0)
    watch = PhoneWatch()
    watch.note_view(PhoneView(Mode.WRITING))
    await watch.until_quiet(expected=False)
