"""When other phones are asked about, on a clock that the test drives; the server's part is played here."""

from collections.abc import Callable
from typing import Any

import pytest

from firmware.phone.news import Watched, WatchedPhoneChanged
from firmware.voice.sip import watching
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.settings import SipSettings
from firmware.voice.sip.watching import WatchedPhones
from tests.unit.voice.sip.test_settings import ACCOUNT

LINE: Any = object()
HOUR_S = 3600.0


class Subscription:
    """What the library would have sent, and what its server says to it."""

    made: list["Subscription"]

    def __init__(self, told: Callable[[str], None], ended: Callable[..., None]) -> None:
        self.says, self._ended = told, ended
        self.made.append(self)

    def begin(self, account: object, uri: str, *, of_presence: bool) -> None:
        assert account is LINE
        self.of_presence = of_presence
        assert uri == f"sip:202@{ACCOUNT.domain}"

    def end(self, *, is_refused: bool, is_event_known: bool = True) -> None:
        self._ended(self, is_refused=is_refused, is_event_known=is_event_known)


class Bench:
    """Somebody who watches one phone.

    Attributes:
        asked: each subscription, oldest first.
        told: what the phone has heard.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked: list[Subscription] = []
        self.told: list[Watched] = []
        self._scheduler = Scheduler(lambda: self.now_s)
        Subscription.made = self.asked
        self.phones = WatchedPhones(SipSettings(ACCOUNT, watched=("202",)), self._scheduler, self._hear)
        self.registered()

    def _hear(self, change: WatchedPhoneChanged) -> None:
        assert change.number == "202"
        self.told.append(change.state)

    def registered(self) -> None:
        self.phones.follow(LINE)
        self.wait(0)

    def wait(self, duration_s: float) -> None:
        """Let the time pass, with all that is due meanwhile."""
        ends_s = self.now_s + duration_s
        self._scheduler.run_due()
        while (left_s := ends_s - self.now_s) > 0:
            self.now_s += self._scheduler.wait_s(left_s)
            self._scheduler.run_due()

    def hears(self, state: str, *, identifier: str = "1", document: str = "full") -> None:
        dialog = f'<dialog id="{identifier}"><state>{state}</state></dialog>'
        self.asked[-1].says(f'NOTIFY sip:a SIP/2.0\r\n\r\n<dialog-info state="{document}">{dialog}</dialog-info>')


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(watching, "_Subscription", Subscription)
    return Bench()


def test_who_is_refused_is_asked_about_after_an_hour_and_no_sooner_whatever_the_line_does(bench: Bench) -> None:
    bench.asked[-1].end(is_refused=True)
    bench.wait(HOUR_S / 2)
    bench.phones.follow(None)
    bench.registered()
    bench.wait(HOUR_S / 2 - 1)
    assert len(bench.asked) == 1
    bench.wait(1)
    assert len(bench.asked) == 2


def test_a_subscription_that_ends_is_begun_ever_more_rarely_until_something_is_heard(bench: Bench) -> None:
    for wait_s in (60, 120, 240):
        bench.asked[-1].end(is_refused=False)
        before = len(bench.asked)
        bench.wait(wait_s - 1)
        assert len(bench.asked) == before
        bench.wait(1)
        assert len(bench.asked) == before + 1
    bench.hears("early")
    bench.asked[-1].end(is_refused=False)
    bench.wait(60)
    assert len(bench.asked) == 5
    assert bench.told == [Watched.RINGING, Watched.UNKNOWN]


def test_without_the_line_nothing_is_known_and_nothing_asked(bench: Bench) -> None:
    bench.hears("confirmed")
    bench.phones.follow(None)
    bench.asked[-1].end(is_refused=False)
    bench.wait(HOUR_S)
    assert (bench.told, len(bench.asked)) == ([Watched.BUSY, Watched.UNKNOWN], 1)
    bench.registered()
    assert len(bench.asked) == 2


def test_a_part_of_what_is_told_leaves_the_rest_as_it_was(bench: Bench) -> None:
    bench.hears("confirmed")
    bench.hears("early", identifier="2", document="partial")
    bench.hears("terminated", identifier="2", document="partial")
    bench.hears("terminated", document="partial")
    bench.asked[-1].says("NOTIFY sip:a SIP/2.0\r\n\r\nhello")
    assert bench.told == [Watched.BUSY, Watched.RINGING, Watched.BUSY, Watched.FREE]


def test_a_server_that_knows_no_calls_is_asked_for_presence_and_for_calls_again_after_that(bench: Bench) -> None:
    bench.asked[-1].end(is_refused=True, is_event_known=False)
    bench.wait(0.1)
    assert [each.of_presence for each in bench.asked] == [False, True]
    basic = "<presence><tuple><status><basic>closed</basic></status></tuple></presence>"
    bench.asked[-1].says(f"NOTIFY sip:a SIP/2.0\r\n\r\n{basic}")
    bench.hears("confirmed")
    assert bench.told == [Watched.OFF]
    bench.asked[-1].end(is_refused=False)
    bench.wait(60)
    assert [each.of_presence for each in bench.asked] == [False, True, False]


def test_who_is_refused_presence_too_is_asked_about_after_an_hour(bench: Bench) -> None:
    for _ in range(2):
        bench.asked[-1].end(is_refused=True, is_event_known=False)
        bench.wait(0.1)
    bench.wait(HOUR_S - 1)
    assert len(bench.asked) == 2
    bench.wait(1)
    assert [each.of_presence for each in bench.asked] == [False, True, False]
