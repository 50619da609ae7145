"""The narrator with the real espeak-ng, and with programs that behave worse."""

import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from firmware.base.errors import MediaError
from firmware.display.model import Block, Card, Entry, List, ListRow, Page
from firmware.display.pages import page_for
from firmware.display.speech import Narrator, sentence_sound
from firmware.phone.view import Mode, PhoneView
from firmware.ports.sound import SOUND_RATE_HZ
from tests.lab.patience import PATIENCE_S
from tests.unit.display.states import CLOCK, VIEWS
from tools.menu_map.walk import walk

ROWS = (ListRow("Contacts"), ListRow("Do not disturb", "off"))


def menu(selected: int) -> Page:
    return Page(title="Menu", body=List(ROWS, selected=selected, total=2))


class Listener:
    """Hears what a narrator says."""

    def __init__(self, program: str = "espeak-ng") -> None:
        self.heard: queue.Queue[bytes] = queue.Queue()
        self.narrator = Narrator(self.heard.put, program)

    def seconds_heard(self) -> float:
        sound = np.frombuffer(self.heard.get(timeout=PATIENCE_S), np.int16)
        loud = np.flatnonzero(np.abs(sound) > 500)
        return float(loud[-1] - loud[0]) / SOUND_RATE_HZ


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    listeners: list[Listener] = []

    def make(*arguments: str) -> Listener:
        listeners.append(Listener(*arguments))
        return listeners[-1]

    yield make
    for listener in listeners:
        listener.narrator.stop()


def script(folder: Path, body: str) -> str:
    path = folder / "speak"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_a_page_is_said_in_english(listen: Callable[..., Listener]) -> None:
    listener = listen()
    listener.narrator.show(menu(0), "en")
    assert 0.5 < listener.seconds_heard() < 3
    assert listener.narrator.fault == ""


def test_a_page_is_said_in_chinese(listen: Callable[..., Listener]) -> None:
    listener = listen()
    listener.narrator.show(Page(title="勿扰", body=(Block("开"),)), "zh")
    assert 0.5 < listener.seconds_heard() < 4


def test_a_chinese_name_is_read_in_chinese_by_an_english_phone(listen: Callable[..., Listener], tmp_path: Path) -> None:
    words = tmp_path / "words"
    listener = listen(script(tmp_path, f'echo "$@" > {words}; cat > /dev/null; exit 1'))
    listener.narrator.show(Page(title="李明", body=(Block("Call"),)), "en")
    wait_for(lambda: listener.narrator.fault)
    assert "-v cmn" in words.read_text()


def test_what_is_said_is_never_on_a_command_line(listen: Callable[..., Listener], tmp_path: Path) -> None:
    words, spoken = tmp_path / "words", tmp_path / "spoken"
    listener = listen(script(tmp_path, f'cat > {spoken}; echo "$@" > {words}; exit 1'))
    listener.narrator.show(Page(title="Anna Karenina", body=(Block("Call"),)), "en")
    wait_for(lambda: listener.narrator.fault)
    assert spoken.read_text() == "Anna Karenina. Call"
    assert "Anna" not in words.read_text()


def test_newer_words_cut_off_older_ones(listen: Callable[..., Listener], tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    listener = listen(script(tmp_path, f'if mkdir {begun}; then exec sleep 600; else exec espeak-ng "$@"; fi'))
    listener.narrator.show(menu(0), "en")
    wait_for(begun.exists)
    listener.narrator.show(menu(1), "en")
    assert listener.seconds_heard() > 0.3
    assert listener.heard.empty()
    assert listener.narrator.fault == ""


def test_a_narrator_at_rest_says_nothing_more_and_begins_anew(listen: Callable[..., Listener], tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    listener = listen(script(tmp_path, f'if mkdir {begun}; then exec sleep 600; else exec espeak-ng "$@"; fi'))
    listener.narrator.show(menu(0), "en")
    wait_for(begun.exists)
    listener.narrator.rest()
    listener.narrator.show(menu(0), "en")
    assert listener.seconds_heard() > 0.5
    assert listener.heard.empty()


def test_a_missing_program_is_a_sentence_and_nothing_worse(listen: Callable[..., Listener]) -> None:
    listener = listen("/nowhere/espeak-ng")
    assert listener.narrator.fault == "Menus cannot be spoken: /nowhere/espeak-ng is not installed."
    listener.narrator.show(menu(0), "en")
    listener.narrator.show(menu(1), "en")
    listener.narrator.stop()
    assert listener.heard.empty()


def test_a_pin_reaches_no_program(listen: Callable[..., Listener]) -> None:
    listener = listen()
    listener.narrator.show(Page(title="PIN", body=Entry("")), "en")
    listener.heard.get(timeout=PATIENCE_S)
    listener.narrator.show(Page(title="PIN", body=Entry("•")), "en")
    listener.narrator.stop()
    assert listener.heard.empty()


def test_nobody_who_does_not_want_it_has_a_thread_for_it(listen: Callable[..., Listener]) -> None:
    listener = listen()
    listener.narrator.rest()
    assert not any(thread.name == "narrator" for thread in threading.enumerate())


@pytest.mark.feature("speech on demand")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_synthesiser_is_given_what_stands_on_every_page(
    listen: Callable[..., Listener], tmp_path: Path, language: str
) -> None:
    words = tmp_path / "words"
    os.mkfifo(words)
    listener = listen(script(tmp_path, f"exec cat > {words}"))
    menus = {f"{stop.kind} {stop.title}": PhoneView(Mode.MENU, menu=stop.view) for stop in walk()}
    for name, view in (VIEWS | menus).items():
        page = page_for(view, language, CLOCK)
        listener.narrator.show_whole(page, language)
        said = words.read_text().replace(" ", "")
        for text in seen(page):
            assert text.replace(" ", "")[:100] in said, (name, text)


def seen(page: Page) -> Iterator[str]:
    """Yield what the eye has first of a page, and what the keys do; of a long one the beginning."""
    yield page.title
    yield page.cancel
    match page.body:
        case List(rows, first, selected, total) if selected is not None:
            yield from (str(selected + 1), str(total), rows[selected - first].label)
        case List(rows):
            yield from (row.label for row in rows)
        case Card(rows, scroll):
            yield from (row.label for row in rows[scroll:][:3])
        case Entry(text, note=note) as entry:
            yield from ("" if entry.for_the_eye else text.replace("•", ""), note)
        case tuple() as blocks:
            yield from (block.text for block in blocks[:3])


def wait_for(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(400):
        if condition():
            return
        pause.wait(PATIENCE_S / 400)
    raise AssertionError("It did not happen.")


@pytest.mark.parametrize(("text", "language"), [("This call is recorded.", "en"), ("本次通话正在录音。", "zh")])
def test_a_sentence_is_said_at_once_in_either_language(text: str, language: str) -> None:
    sound = np.frombuffer(sentence_sound(text, language), np.int16)
    loud = np.flatnonzero(np.abs(sound) > 500)
    assert 0.5 < (loud[-1] - loud[0]) / SOUND_RATE_HZ < 4


@pytest.mark.parametrize("body", ["exit 3", "exit 0", "echo RIFF"])
def test_a_program_that_says_nothing_is_told_of(tmp_path: Path, body: str) -> None:
    with pytest.raises(MediaError, match="Nothing can be said"):
        sentence_sound("Hello", "en", script(tmp_path, body))


def test_a_missing_program_is_told_of() -> None:
    with pytest.raises(MediaError, match="install"):
        sentence_sound("Hello", "en", "/nowhere/espeak-ng")
