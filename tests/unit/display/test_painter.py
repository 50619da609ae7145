import queue
import threading
from collections.abc import Callable

import pytest

from firmware.display.painter import Painter


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

    def page(number: int) -> Callable[[], bytes]:
        def draw() -> bytes:
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
        painter.paint(lambda: b"x")
    painter.stop()
    assert faults == ["No panel answers."]


def test_the_thread_beats_when_it_paints(panel: Panel) -> None:
    beats: list[int] = []
    painter = Painter(panel, lambda: beats.append(1), lambda sentence: None)
    painter.start()
    painter.paint(lambda: b"x")
    panel.wait_for(lambda: panel.shown == [b"x"])
    painter.stop()
    assert beats


def test_the_display_is_dimmed_after_the_page_that_came_before(panel: Panel) -> None:
    painter = Painter(panel, lambda: None, lambda sentence: None)
    painter.start()
    painter.set_brightness(0)
    panel.wait_for(lambda: panel.shown == [b"0 %"])
    panel.gate.clear()
    painter.paint(lambda: b"first")
    painter.paint(lambda: b"second")
    painter.set_brightness(40)
    painter.set_brightness(80)
    panel.gate.set()
    panel.wait_for(lambda: b"80 %" in panel.shown)
    painter.stop()
    assert panel.shown[-2:] == [b"second", b"80 %"]


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
