"""What a person sees of updates: their page, a line on the idle page, and a restart that any key puts off."""

from dataclasses import replace

import pytest

from contract.results import BundleResult, OutcomeCode
from firmware.display.pages.idle import idle_blocks, unprovisioned_blocks
from firmware.display.translation import Language, translator
from firmware.phone.bundle_news import BundleEnded, BundleStep, BundleStepStarted, StickReported
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.orders import PlaceCall
from firmware.phone.update_phrases import UPDATE_CODES, update_reason
from firmware.phone.updates import PostponeUpdate, PutOffRestart, UpdateKind, UpdateNow, UpdateStage, UpdateTold
from firmware.phone.view import Mode
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import choose, labels, open_page, said, sentence, values
from tests.unit.phone.new_phone import NewPhone

pytestmark = pytest.mark.feature("updates by stick and network")

WAITS = UpdateTold("0.2.0", stage=UpdateStage.WAITING, version="0.3.0", kind=UpdateKind.FEATURE, until="25 Dec")
SECURITY = replace(WAITS, kind=UpdateKind.SECURITY, comes_tonight=True)
RESTARTS = UpdateTold("0.2.0", stage=UpdateStage.RESTARTING, version="0.3.0", restarts_in_s=60)
ENGLISH = translator(Language.ENGLISH)


def told(news: UpdateTold) -> Desk:
    desk = Desk()
    desk.handle(news)
    return desk


def idle(desk: Desk) -> list[str]:
    return [block.text for block in idle_blocks(desk.view, ENGLISH, "12:34")]


def page(desk: Desk) -> list[tuple[str, str]]:
    open_page(desk, "This phone", "Updates")
    return [(said(label), said(value)) for label, value in zip(labels(desk), values(desk), strict=True)]


def test_the_page_says_what_waits_and_until_when_it_can_be_put_off() -> None:
    assert page(told(WAITS)) == [
        ("Waiting", "0.3.0"),
        ("What for", "New features"),
        ("Comes", "at night"),
        ("Install now", ""),
        ("Put off until", "25 Dec"),
        ("Version", "0.2.0"),
    ]


@pytest.mark.parametrize(
    ("news", "rows"),
    [
        (UpdateTold(), [("No update waits.", "")]),
        (UpdateTold("0.2.0"), [("No update waits.", ""), ("Version", "0.2.0")]),
        (UpdateTold("0.2.0", by_package=True), [("apt updates this phone.", ""), ("Version", "0.2.0")]),
        (
            UpdateTold(stage=UpdateStage.INSTALLING, version="0.3.0", percent=34),
            [("Installing", "34 %")],
        ),
        (UpdateTold(stage=UpdateStage.ON_TRIAL, version="0.3.0"), [("Being tried", "0.3.0")]),
        (
            UpdateTold(stage=UpdateStage.ENDED, version="0.3.0", code=OutcomeCode.WENT_BACK),
            [("Last update", "0.3.0"), ("The update did not work. The old version runs.", "")],
        ),
        (
            replace(WAITS, runs="", is_put_off=True),
            [("Waiting", "0.3.0"), ("What for", "New features"), ("Comes", "25 Dec"), ("Install now", "")],
        ),
        (
            replace(SECURITY, runs="", stage=UpdateStage.INSTALLED, until="", code=OutcomeCode.INSTALLED),
            [("Installed", "0.3.0"), ("What for", "Security"), ("Comes", "tonight"), ("Restart now", "")],
        ),
    ],
)
def test_the_page_says_how_far_an_update_is(news: UpdateTold, rows: list[tuple[str, str]]) -> None:
    assert page(told(news)) == rows


def test_it_is_put_off_or_had_at_once_by_a_row() -> None:
    desk = told(WAITS)
    open_page(desk, "This phone", "Updates")
    choose(desk, "Put off until")
    choose(desk, "Install now")
    assert desk.said(PostponeUpdate)
    assert desk.said(UpdateNow)
    assert desk.view.mode is Mode.MENU


def test_a_restart_that_somebody_asks_for_leaves_the_menu_first() -> None:
    desk = told(replace(WAITS, stage=UpdateStage.INSTALLED))
    open_page(desk, "This phone", "Updates")
    choose(desk, "Restart now")
    assert desk.said(UpdateNow)
    assert desk.view.mode is Mode.IDLE


def test_the_idle_page_says_only_what_is_about_security() -> None:
    assert "Update tonight" in idle(told(SECURITY))
    gone_back = UpdateTold(stage=UpdateStage.ENDED, kind=UpdateKind.SECURITY, code=OutcomeCode.WENT_BACK)
    assert "Update did not work" in idle(told(gone_back))
    plain = idle(Desk())
    for quiet in (WAITS, replace(WAITS, comes_tonight=True), replace(SECURITY, comes_tonight=False)):
        assert idle(told(quiet)) == plain
    assert idle(told(replace(gone_back, kind=UpdateKind.FEATURE))) == plain


def test_a_restart_is_announced_on_every_idle_page() -> None:
    assert idle(told(RESTARTS)) == ["Restarts in 60 s", "Any key: later"]
    assert idle(told(replace(RESTARTS, restarts_in_s=0))) == ["Restarts now. Back in a minute or two."]
    new = Desk(settings(provisioned=False, line_usable=False))
    new.handle(RESTARTS)
    assert [block.text for block in unprovisioned_blocks(new.view, ENGLISH)] == ["Restarts in 60 s", "Any key: later"]


def test_any_key_puts_a_restart_off(subtests: pytest.Subtests) -> None:
    for key in list(Key):
        with subtests.test(key=key):
            desk = told(RESTARTS)
            desk.press(key)
            assert len(desk.said(PutOffRestart)) == 1
            assert desk.view.update.stage is UpdateStage.INSTALLED
            desk.press(key)
            assert len(desk.said(PutOffRestart)) == 1


def test_whoever_lifts_while_a_restart_is_announced_dials_as_ever() -> None:
    desk = told(RESTARTS)
    desk.place_call()
    assert desk.said(PlaceCall)
    assert desk.said(PutOffRestart)


def test_a_stick_s_update_has_the_page_of_sticks_and_says_what_became_of_it(desk: Desk) -> None:
    desk.handle(BundleStepStarted(BundleStep.UPDATE, 34))
    assert (sentence(desk), desk.notice.percent) == ("Installing the update. Leave the stick in.", 34)
    desk.handle(BundleEnded(BundleResult.APPLIED, OutcomeCode.INSTALLED, is_update=True, version="0.3.0"))
    desk.handle(StickReported())
    assert sentence(desk) == "Installed. The phone restarts to try it. Take the stick out."
    desk.handle(RESTARTS)
    assert sentence(desk) == "Restarts in 60 s. Any key: later."
    desk.press(Key.CANCEL)
    assert desk.said(PutOffRestart)


def test_after_the_restart_the_display_names_the_version_that_works(desk: Desk) -> None:
    desk.handle(BundleEnded(BundleResult.APPLIED, OutcomeCode.APPLIED, is_update=True, version="0.3.0"))
    desk.handle(StickReported())
    assert sentence(desk) == "Version 0.3.0 works. Take the stick out."


OF_UPDATES = list(OutcomeCode)[list(OutcomeCode).index(OutcomeCode.INSTALLED) :]


@pytest.mark.parametrize("language", Language)
def test_every_code_of_updates_has_a_sentence_of_its_own_in_both_languages(language: Language) -> None:
    assert len(OF_UPDATES) == 15
    assert set(OF_UPDATES) <= set(UPDATE_CODES)
    sentences = {translator(language).say(update_reason(code)) for code in OF_UPDATES}
    assert len(sentences) == len(OF_UPDATES)
    stop = "." if language is Language.ENGLISH else "。"
    assert all(sentence.endswith(stop) for sentence in sentences)


def test_whatever_root_says_of_an_update_has_words(subtests: pytest.Subtests) -> None:
    for code in list(OutcomeCode):
        with subtests.test(code=code):
            assert translator(Language.CHINESE).say(update_reason(code))


def test_a_new_phone_says_on_its_idle_page_that_it_restarts_and_then_goes_on_asking() -> None:
    phone = NewPhone.of_office()
    phone.press(Key.OK)
    asked = phone.view.menu
    assert phone.view.asks_by_itself
    phone.handle(RESTARTS)
    assert (phone.view.mode, phone.view.asks_by_itself) == (Mode.IDLE, False)
    assert idle(phone)[:2] == ["Restarts in 60 s", "Any key: later"]
    phone.press(Key.CANCEL)
    assert phone.said(PutOffRestart)
    phone.expire(Timer.FIRST_RUN)
    assert (phone.view.mode, phone.view.menu) == (Mode.MENU, asked)


def test_a_menu_that_a_person_has_opened_stays_when_a_restart_is_announced() -> None:
    phone = NewPhone.of_office(activated=True)
    phone.press(Key.MENU)
    assert not phone.view.asks_by_itself
    phone.handle(RESTARTS)
    assert phone.view.mode is Mode.MENU
