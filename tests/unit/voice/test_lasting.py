import asyncio

import pytest

from firmware.phone.call import RegistrationState
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised, RegistrationChanged, VoicemailCounted
from firmware.voice import lasting
from firmware.voice.lasting import Lasting, LastingNews
from firmware.voice.messages import RingerFault

UP, DOWN = RegistrationChanged(RegistrationState.REGISTERED), RegistrationChanged(RegistrationState.FAILED)


async def test_the_same_is_told_once() -> None:
    told: list[LastingNews] = []
    kept = Lasting(told.append)
    for _ in range(5):
        kept.note(UP)
    assert told == [UP]


async def test_what_changes_without_an_end_is_told_now_and_then_and_in_the_end_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lasting, "_PERIOD_S", 0.05)
    told: list[LastingNews] = []
    kept = Lasting(told.append)
    for number in range(1001):
        kept.note(DOWN if number % 2 else UP)
    kept.note(VoicemailCounted(1))
    assert len(told) == 21, "a line that flaps keeps nothing else from being told"
    await asyncio.sleep(0.1)
    assert told[21:] == [UP]


async def test_the_next_voice_is_told_of_at_once_whatever_the_one_before_said() -> None:
    told: list[LastingNews] = []
    kept = Lasting(told.append)
    for number in range(100):
        kept.note(DOWN if number % 2 else UP)
    kept.forget()
    told.clear()
    kept.note(UP)
    assert told == [UP]


async def test_what_a_voice_said_of_itself_goes_with_it() -> None:
    told: list[LastingNews] = []
    kept = Lasting(told.append)
    for news in (UP, ProblemRaised(Problem.SIP_UNAVAILABLE, "Why."), VoicemailCounted(3), RingerFault("Why.")):
        kept.note(news)
    told.clear()
    kept.forget()
    assert told == [
        RegistrationChanged(RegistrationState.UNREGISTERED),
        ProblemCleared(Problem.SIP_UNAVAILABLE),
        VoicemailCounted(0),
        RingerFault(""),
    ]
    told.clear()
    kept.forget()
    assert not told
