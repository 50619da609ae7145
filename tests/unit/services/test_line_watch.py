"""What the fleet hears of registrations that come and go, on a loop whose clock the test drives."""

import asyncio

import pytest

from firmware.phone.call import RegistrationState
from firmware.phone.view import LineView, Mode, PhoneView
from firmware.services.line_watch import STANDS_S, LineWatch

UP, DOWN, MOVES = RegistrationState.REGISTERED, RegistrationState.FAILED, RegistrationState.REGISTERING


class Bench:
    """A handset's lines, and all that the sync process hears of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at_s = 0.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.at_s)
        self.watch = LineWatch()
        self.heard: list[bool] = []
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            heard = self.heard[-1] if self.heard else None
            if (can_call := await self.watch.until_other(heard, 1e9)) is not None:
                self.heard.append(can_call)

    async def hold(self, *lines: RegistrationState, for_s: float) -> list[bool]:
        """Have the lines be so for a while; return all that has been heard."""
        self.watch.note_view(PhoneView(Mode.IDLE, lines=tuple(LineView("", line) for line in lines)))
        await self._turn()
        self.at_s += for_s
        await self._turn()
        return self.heard

    async def _turn(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_line_that_is_there_is_told_at_once_and_until_then_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    assert await bench.hold(MOVES, for_s=STANDS_S - 1) == []
    assert await bench.hold(UP, for_s=0) == [True]


async def test_a_phone_that_finds_no_line_or_has_no_account_says_so_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for lines in ((DOWN, MOVES), ()):
        bench = Bench(monkeypatch)
        assert await bench.hold(*lines, for_s=STANDS_S - 1) == []
        assert await bench.hold(*lines, for_s=1) == [False]


async def test_what_comes_and_goes_is_not_told_and_what_stands_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    await bench.hold(UP, for_s=100)
    for state in (DOWN, MOVES, UP) * 20:
        assert await bench.hold(state, for_s=STANDS_S / 2 - 1) == [True]
    assert await bench.hold(DOWN, for_s=STANDS_S) == [True, False]
    for state in (UP, DOWN) * 20:
        assert await bench.hold(state, for_s=STANDS_S - 1) == [True, False]
    assert await bench.hold(UP, for_s=STANDS_S) == [True, False, True]


async def test_one_account_that_can_call_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    assert await bench.hold(DOWN, UP, for_s=100) == [True]
    assert await bench.hold(UP, DOWN, for_s=100) == [True]
    assert await bench.hold(DOWN, DOWN, for_s=100) == [True, False]
