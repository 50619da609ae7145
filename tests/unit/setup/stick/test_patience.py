"""How long a handset is asked that starts anew."""

import pytest

from firmware.base.errors import ControlError, RequestRefusedError
from firmware.setup.stick.patience import Patience


class Handset:
    """Answers after so many questions; time passes only while somebody waits."""

    def __init__(self, *failures: ControlError) -> None:
        self.failures = list(failures)
        self.asked = 0
        self.now_s = 0.0
        self.patience = Patience(limit_s=60, refused_limit_s=10, clock=lambda: self.now_s, sleep=self._sleep)

    async def _sleep(self, pause_s: float) -> None:
        assert 0 <= pause_s <= 2
        self.now_s += pause_s

    async def question(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "here"


async def test_it_is_asked_until_it_is_back() -> None:
    handset = Handset(*[ControlError("nobody listens")] * 20)
    assert await handset.patience.ask(handset.question) == "here"
    assert handset.asked == 21


async def test_one_that_stays_away_is_given_up() -> None:
    handset = Handset(*[ControlError("nobody listens")] * 10_000)
    with pytest.raises(ControlError, match="nobody listens"):
        await handset.patience.ask(handset.question)
    assert 58 <= handset.now_s <= 60


async def test_one_that_refuses_is_given_up_sooner_for_it_is_there() -> None:
    handset = Handset(*[RequestRefusedError("no such bundle")] * 10_000)
    with pytest.raises(RequestRefusedError, match="no such bundle"):
        await handset.patience.ask(handset.question)
    assert 8 <= handset.now_s <= 10
