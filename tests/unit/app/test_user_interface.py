"""What a person has of the phone: painted, told, and said aloud."""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.app.user_interface import Painter, UserInterface, changes
from firmware.base.words import word
from firmware.phone.call import CallerId, CallState, RegistrationState
from firmware.phone.menu_views import ListView
from firmware.phone.view import CallView, Mode, PhoneView
from tests.lab.patience import PATIENCE_S

IDLE = PhoneView(Mode.IDLE, registration=RegistrationState.REGISTERED)
OUTGOING = CallView(CallState.DIALING, CallDirection.OUTGOING, CallerId("1001"))
INCOMING = CallView(CallState.INCOMING, CallDirection.INCOMING, CallerId("1002", "Bob"), contact_name="Uncle Bob")


def story(*views: PhoneView) -> list[str]:
    return [line for before, now in pairwise(views) for line in changes(before, now)]


def test_a_call_is_told_from_the_handset_to_its_end() -> None:
    lifted = replace(IDLE, mode=Mode.COLLECTING_DIGITS, off_hook=True)
    out = replace(lifted, mode=Mode.OUTGOING, call=OUTGOING)
    talking = replace(out, mode=Mode.IN_CALL, call=replace(OUTGOING, state=CallState.ACTIVE), microphone_open=True)
    over = replace(
        talking,
        mode=Mode.CALL_ENDED,
        call=replace(OUTGOING, state=CallState.DISCONNECTED, duration_s=12, reason=DisconnectReason.REMOTE_HANGUP),
        microphone_open=False,
    )
    assert story(IDLE, lifted, out, talking, over) == [
        "The handset was lifted.", "Mode: collecting digits.",
        "Calling 1001.", "Mode: outgoing.",
        "1001 answered.", "The microphone is open.", "Mode: in call.",
        "The call with 1001 ended after 12 s: remote hangup.", "The microphone is shut.", "Mode: call ended.",
    ]  # fmt: skip


def test_who_calls_is_named_as_the_holder_knows_them() -> None:
    ringing = replace(IDLE, mode=Mode.RINGING, call=INCOMING)
    answered = replace(ringing, mode=Mode.IN_CALL, call=replace(INCOMING, state=CallState.ACTIVE))
    assert story(IDLE, ringing, answered) == [
        "Uncle Bob calls.", "Mode: ringing.", "Answered Uncle Bob.", "Mode: in call."
    ]  # fmt: skip


def test_a_call_that_waits_is_told_once_and_not_again_when_it_comes_to_the_fore() -> None:
    talking = replace(IDLE, mode=Mode.IN_CALL, call=replace(OUTGOING, state=CallState.ACTIVE))
    waiting = replace(INCOMING, state=CallState.WAITING)
    second = replace(talking, other_calls=(waiting,))
    assert story(talking, second, replace(second, muted=True)) == [
        "Uncle Bob calls, and waits.", "The microphone is muted."
    ]  # fmt: skip


def test_a_page_is_told_by_its_title_and_not_again_while_it_changes() -> None:
    menu = replace(IDLE, mode=Mode.MENU, menu=ListView(word("Menu"), ()))
    assert story(IDLE, menu, replace(menu, menu=ListView(word("Menu"), (), selected=1))) == [
        "Mode: menu.",
        "Page: Menu.",
    ]


@pytest.mark.parametrize("view", [IDLE, replace(IDLE, call=OUTGOING)])
def test_where_nothing_has_changed_nothing_is_told(view: PhoneView) -> None:
    assert changes(view, view) == ()


def test_the_beginning_is_told_too() -> None:
    assert changes(None, IDLE) == ("The handset lies in its cradle.", "Line: registered.")


class Panel:
    def __init__(self) -> None:
        self.shown: list[bytes] = []
        self.refreshes = 0
        self.changed = threading.Condition()
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        self.stopped = threading.Event()

    def start(self) -> None:
        if self.broken:
            raise OSError("No panel answers.")

    def stop(self) -> None:
        self.stopped.set()

    def show(self, frame: bytes) -> None:
        self.gate.wait(5)
        if self.broken:
            raise OSError("No panel answers.")
        with self.changed:
            self.shown.append(frame)
            self.changed.notify()

    def refresh(self) -> None:
        if self.broken:
            raise OSError("No panel answers.")
        with self.changed:
            self.refreshes += 1
            self.changed.notify()

    def set_brightness(self, percent: int) -> None:
        with self.changed:
            self.shown.append(f"{percent} %".encode())
            self.changed.notify()

    def wait_for(self, reached: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(reached, timeout=5)


@pytest.fixture
def panel() -> Panel:
    return Panel()


def test_pages_that_were_overtaken_are_never_drawn(panel: Panel) -> None:
    painter = Painter(panel, lambda: None, lambda sentence: None)
    drawn: list[int] = []

    def page(number: int) -> Callable[[int], bytes]:
        def draw(_turn: int) -> bytes:
            drawn.append(number)
            return bytes([number])

        return draw

    panel.gate.clear()
    painter.start()
    painter.paint(page(1))
    while not drawn:
        pass
    for number in range(2, 50):
        painter.paint(page(number))
    panel.gate.set()
    panel.wait_for(lambda: bytes([49]) in panel.shown)
    painter.stop()
    assert drawn == [1, 49]
    assert panel.stopped.is_set()


def test_a_panel_that_fails_is_reported_once_until_it_works_again(panel: Panel) -> None:
    faults: list[str] = []
    painter = Painter(panel, lambda: None, faults.append)
    panel.broken = True
    painter.start()
    for _ in range(3):
        painter.paint(lambda _turn: b"x")
    painter.stop()
    assert faults == ["No panel answers."]


def test_the_thread_beats_when_it_paints(panel: Panel) -> None:
    beats: list[int] = []
    painter = Painter(panel, lambda: beats.append(1), lambda sentence: None)
    painter.start()
    painter.paint(lambda _turn: b"x")
    panel.wait_for(lambda: panel.shown == [b"x"])
    painter.stop()
    assert beats


def test_the_display_is_dimmed_after_the_page_that_came_before(panel: Panel) -> None:
    painter = Painter(panel, lambda: None, lambda sentence: None)
    painter.start()
    painter.set_brightness(0)
    panel.wait_for(lambda: panel.shown == [b"0 %"])
    panel.gate.clear()
    painter.paint(lambda _turn: b"first")
    painter.paint(lambda _turn: b"second")
    painter.set_brightness(40)
    painter.set_brightness(80)
    panel.gate.set()
    panel.wait_for(lambda: b"80 %" in panel.shown)
    painter.stop()
    assert panel.shown[-2:] == [b"second", b"80 %"]


def test_a_page_of_several_parts_is_turned_over_until_another_is_painted(panel: Panel) -> None:
    painter = Painter(panel, lambda: None, lambda sentence: None, turn_s=0.01)
    painter.start()
    painter.paint(lambda turn: b"one" if turn % 2 == 0 else b"two")
    panel.wait_for(lambda: panel.shown[:4] == [b"one", b"two"] * 2)
    painter.paint(lambda _turn: b"x")
    panel.wait_for(lambda: panel.shown[-1] == b"x")
    painter.stop()


def test_a_page_of_one_part_is_drawn_once_more_and_shown_once(panel: Panel) -> None:
    painter = Painter(panel, lambda: None, lambda sentence: None, turn_s=0.01)
    turns: queue.Queue[int] = queue.Queue()
    painter.start()
    painter.paint(lambda turn: turns.put(turn) or b"x")  # type: ignore[func-returns-value]
    assert [turns.get(timeout=5) for _ in range(2)] == [0, 1]
    painter.set_brightness(50)
    panel.wait_for(lambda: b"50 %" in panel.shown)
    painter.stop()
    assert panel.shown == [b"x", b"50 %"]
    assert turns.empty()


def test_a_panel_is_refreshed_again_and_again_while_nothing_is_to_be_painted(panel: Panel) -> None:
    painter = Painter(panel, lambda: None, lambda sentence: None, refresh_every_s=0.01)
    painter.start()
    panel.wait_for(lambda: panel.refreshes >= 2)
    painter.stop()


def test_a_panel_that_cannot_be_refreshed_is_reported(panel: Panel) -> None:
    faults: queue.Queue[str] = queue.Queue()
    painter = Painter(panel, lambda: None, faults.put, refresh_every_s=0.01)
    painter.start()
    panel.broken = True
    assert faults.get(timeout=5) == "No panel answers."
    painter.stop()


class Ear:
    """Hears what voice is to play."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[bool, bool]] = asyncio.Queue()

    def play(self, sound: bytes, *, in_ear: bool, beside_call: bool = False) -> None:
        assert sound
        self.heard.put_nowait((in_ear, beside_call))


@pytest.mark.asyncio
async def test_whoever_asks_hears_the_page_of_a_call_once_and_beside_the_call(panel: Panel) -> None:
    ear = Ear()
    call = replace(OUTGOING, state=CallState.ACTIVE)
    talking = replace(IDLE, mode=Mode.IN_CALL, off_hook=True, call=call, microphone_open=True)
    now = talking

    async def no_picture(_name: str) -> None:
        return None

    interface = UserInterface(
        SimpleNamespace(display=panel, page=None),  # type: ignore[arg-type]
        ear,  # type: ignore[arg-type]
        family="oled_128x64",
        language="en",
        view=lambda: now,
        show=lambda view: None,
        load_picture=no_picture,
        when_language_changed=lambda language: None,
        heartbeat=lambda: None,
        on_failure=lambda sentence: None,
    )
    interface.show(talking)
    now = replace(talking, asked_aloud=True)
    interface.show(now)
    assert await asyncio.wait_for(ear.heard.get(), PATIENCE_S) == (True, True)
    now = replace(now, call=replace(call, duration_s=9))
    interface.show(now)
    now = replace(IDLE, asked_aloud=True)
    interface.show(replace(IDLE))
    interface.show(now)
    assert await asyncio.wait_for(ear.heard.get(), PATIENCE_S) == (False, True)
    assert ear.heard.empty()
    interface._narrator.stop()
