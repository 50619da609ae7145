"""No task takes more keys, pages or seconds than is declared, and docs/tasks.md says how many."""

from dataclasses import astuple

import pytest

from firmware.phone.key import Key
from tests.tasks.document import PATH, declared, document
from tests.tasks.tasks import TASKS
from tests.tasks.walk import Walk


def test_no_task_takes_more_than_is_declared(subtests: pytest.Subtests) -> None:
    for name in TASKS:
        with subtests.test(name=name):
            taken, most = TASKS[name]().cost, declared()[name].most
            assert all(now <= bound for now, bound in zip(astuple(taken), astuple(most), strict=True)), (taken, most)


def test_every_task_is_declared_and_nothing_else() -> None:
    assert list(declared()) == list(TASKS)


def test_the_first_run_is_as_short_as_was_promised() -> None:
    most = declared()["First run, until the phone can call"].most
    assert most.keys <= 20
    assert most.pages <= 8


def test_the_page_in_the_documentation_is_that_of_the_tasks() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run make menu"


def test_each_key_counts_and_each_page_once_whatever_is_selected_or_typed_on_it() -> None:
    walk = Walk.begin()
    walk.press(Key.MENU)
    assert (walk.cost.keys, walk.cost.pages) == (1, 1)
    walk.press(Key.VOLUME_DOWN)
    assert (walk.cost.keys, walk.cost.pages) == (2, 1)
    walk.press(Key.OK)
    walk.press("1")
    walk.dial("62")
    assert (walk.cost.keys, walk.cost.pages) == (6, 3)
    walk.press(Key.CANCEL)
    walk.press(Key.CANCEL)
    walk.press(Key.CANCEL)
    walk.lift()
    walk.replace()
    assert (walk.cost.keys, walk.cost.pages) == (11, 4)


def test_a_page_is_read_once_and_a_chinese_one_by_its_characters() -> None:
    english, chinese = Walk.begin(), Walk.begin(language="zh")
    for walk in (english, chinese):
        walk.press(Key.MENU)
    once = english.cost.seconds
    english.press(Key.VOLUME_DOWN)
    assert english.cost.seconds == once + 1
    assert chinese.cost.seconds > once
