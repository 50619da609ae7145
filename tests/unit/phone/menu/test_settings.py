from dataclasses import replace

import pytest

from firmware.base.words import word
from firmware.phone.commands import SavePreferences
from firmware.phone.dial_plan import Objection
from firmware.phone.events import KeyRepeated, PreferencesLoaded, Timer
from firmware.phone.key import Key
from firmware.phone.menu_views import NoticeView
from firmware.phone.orders import AudioRoute, PlaceCall, SetVolume, StartRinging, StopRinging
from firmware.phone.phrases import OBJECTIONS
from firmware.phone.preferences import Preferences
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import choose, labels, open_page, row_of, said, values
from tests.unit.phone.office import office


def preferences(desk: Desk) -> Preferences:
    return desk.phone._state.features.preferences


def saved(desk: Desk) -> Preferences:
    return desk.said(SavePreferences)[-1].preferences


# --- switches ---


@pytest.fixture
def desk() -> Desk:
    return office()


@pytest.mark.parametrize(
    ("path", "row", "field"),
    [
        (("Incoming calls",), "Do not disturb", "do_not_disturb"),
        (("Incoming calls",), "Block withheld", "reject_anonymous"),
        (("Incoming calls",), "Auto-answer", "auto_answer"),
        (("Settings", "Sounds"), "Key clicks", "key_clicks"),
        (("Settings", "Sounds"), "Spoken menus", "spoken_menus"),
        (("Settings", "Display"), "Trad. Chinese", "traditional"),
        (("Settings", "Display"), "Large text", "large_text"),
        (("Settings", "Display"), "High contrast", "high_contrast"),
        (("Settings", "Display"), "Visible ring", "visual_ring"),
    ],
)
def test_a_switch_shows_what_it_is_and_is_kept_at_once(desk: Desk, path: tuple[str, ...], row: str, field: str) -> None:
    open_page(desk, *path)
    for on in (True, False):
        choose(desk, row)
        assert getattr(saved(desk), field) is on
        assert row_of(desk, row).value == word("on" if on else "off")


# --- one of a few ---


@pytest.mark.parametrize(
    ("path", "row", "field", "value"),
    [
        (("Settings", "Language 语言"), "中文", "language", "zh"),
        (("Settings", "Display", "Dim after"), "never", "screen_off_s", 0),
        (("Settings", "Display", "Dim after"), "5 min", "screen_off_s", 300),
        (("Settings", "Sounds", "Ring tone"), "Urgent", "ring", "priority"),
    ],
)
def test_one_of_a_few_is_chosen_and_the_page_before_is_shown(
    path: tuple[str, ...], row: str, field: str, value: object
) -> None:
    desk = office(preferences=Preferences())
    open_page(desk, *path)
    choose(desk, row)
    assert getattr(saved(desk), field) == value
    choose(desk, path[-1])
    assert [said(label) for label, mark in zip(labels(desk), values(desk), strict=True) if mark] == [row]
    assert said(desk.listing.rows[desk.listing.selected or 0].label) == row


def test_each_ring_is_heard_for_a_moment_as_it_is_selected(desk: Desk) -> None:
    open_page(desk, "Settings", "Sounds", "Ring tone")
    assert StartRinging("internal") in desk.press(Key.VOLUME_DOWN)
    commands = desk.press(Key.VOLUME_DOWN)
    assert commands.index(StopRinging()) < commands.index(StartRinging("external"))
    assert desk.expire(Timer.RING_PREVIEW) == [StopRinging()]
    desk.press(Key.VOLUME_DOWN)
    assert StopRinging() in desk.press(Key.CANCEL)
    assert preferences(desk).ring == "normal"


@pytest.mark.parametrize("what", ["lift", "menu", "call", "time"])
def test_a_ring_that_is_only_tried_never_sounds_into_anything_else(desk: Desk, what: str) -> None:
    open_page(desk, "Settings", "Sounds", "Ring tone")
    desk.press(Key.VOLUME_DOWN)
    match what:
        case "lift":
            assert StopRinging() in desk.lift()
        case "menu":
            assert StopRinging() in desk.press(Key.MENU)
        case "time":
            assert StopRinging() in desk.expire(Timer.INFO)
        case "call":
            assert StartRinging("normal") in desk.ring()
    assert desk.phone._state.previewed_ring == ""


def test_the_chosen_ring_is_heard_where_neither_server_nor_contact_says_otherwise() -> None:
    desk = office(preferences=Preferences(ring="external"))
    assert StartRinging("external") in desk.ring()
    desk = office(preferences=Preferences(ring="external"))
    assert StartRinging("internal") in desk.ring(ring="internal")


@pytest.mark.feature("rings")
def test_a_ring_rises_where_the_holder_wants_it_and_never_while_it_is_tried_or_has_to_be_heard() -> None:
    desk = office(preferences=Preferences())
    open_page(desk, "Settings", "Sounds")
    choose(desk, "Rising volume")
    choose(desk, "Ring tone")
    assert StartRinging("internal") in desk.press(Key.VOLUME_DOWN)
    assert StartRinging("normal", rises=True) in desk.ring()
    desk = office(preferences=Preferences(ring_rises=True))
    desk.phone._state.start_timer(Timer.EMERGENCY_CALLBACK, 1800)
    assert StartRinging("normal") in desk.ring()


# --- more or less ---


@pytest.mark.parametrize(
    ("row", "route", "field"),
    [
        ("Ringer volume", AudioRoute.RINGER, "ringer_percent"),
        ("Handset volume", AudioRoute.EARPIECE, "earpiece_percent"),
        ("Speaker volume", AudioRoute.SPEAKER, "speaker_percent"),
    ],
)
def test_a_volume_changes_step_by_step_and_is_kept_when_the_person_lets_go(
    row: str, route: AudioRoute, field: str
) -> None:
    desk = office(has_loudspeaker=True, earpiece_volume_percent=80)
    open_page(desk, "Settings", "Sounds", row)
    before = desk.phone._state.volumes[route]
    assert SetVolume(route, before - 10) in desk.press(Key.VOLUME_DOWN)
    assert SetVolume(route, before - 20) in desk.handle(KeyRepeated(Key.VOLUME_DOWN))
    assert desk.notice.percent == before - 20
    assert desk.said(SavePreferences) == []
    desk.press(Key.OK)
    assert row_of(desk, row).value == f"{before - 20} %"
    desk.expire(Timer.LET_GO)
    assert saved(desk) == replace(preferences(desk), **{field: before - 20})  # type: ignore[arg-type]


def test_the_ringers_volume_is_heard_as_it_is_turned(desk: Desk) -> None:
    open_page(desk, "Settings", "Sounds", "Ringer volume")
    commands = desk.press(Key.VOLUME_UP)
    assert commands.index(SetVolume(AudioRoute.RINGER, 90)) < commands.index(StartRinging("normal"))


def test_a_phone_without_a_loudspeaker_has_no_volume_for_it(desk: Desk) -> None:
    open_page(desk, "Settings", "Sounds")
    assert "Speaker volume" not in [said(label) for label in labels(desk)]


def test_volume_keys_are_remembered_like_the_menu() -> None:
    desk = office(ringer_volume_percent=80)
    desk.press(Key.VOLUME_UP, Key.VOLUME_UP)
    assert desk.said(SavePreferences) == []
    desk.lift()
    desk.expire(Timer.LET_GO)
    assert saved(desk).ringer_percent == 100


def test_the_volumes_that_the_store_remembers_are_those_of_the_phone() -> None:
    desk = office(ringer_volume_percent=80)
    commands = desk.handle(PreferencesLoaded(Preferences(ringer_percent=20, earpiece_percent=90)))
    assert SetVolume(AudioRoute.RINGER, 20) in commands
    assert SetVolume(AudioRoute.EARPIECE, 90) in commands
    assert not any(isinstance(command, SetVolume) and command.route is AudioRoute.SPEAKER for command in commands)


def test_a_display_gets_darker_but_never_dark(desk: Desk) -> None:
    open_page(desk, "Settings", "Display", "Brightness")
    shown = []
    for _ in range(12):
        desk.press(Key.VOLUME_DOWN)
        shown.append(desk.notice.percent)
    assert shown[:3] == [70, 60, 50]
    assert shown[-1] == 10
    for _ in range(12):
        desk.press(Key.VOLUME_UP)
    assert preferences(desk).brightness_percent == 100
    desk.press(Key.CANCEL)
    desk.expire(Timer.LET_GO)
    assert saved(desk).brightness_percent == 100


# --- numbers ---


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("Forward all", "forward_always"),
        ("Forward busy", "forward_busy"),
        ("Fwd no answer", "forward_no_answer"),
    ],
)
def test_calls_are_forwarded_to_a_number_that_is_typed_and_no_longer(desk: Desk, row: str, field: str) -> None:
    open_page(desk, "Incoming calls", row)
    desk.dial("2345", Key.OK)
    assert getattr(saved(desk), field) == "2345"
    assert row_of(desk, row).value == "2345"
    choose(desk, row)
    assert desk.entry.text == "2345"
    for _ in range(4):
        desk.press(Key.CANCEL)
    desk.press(Key.OK)
    assert getattr(saved(desk), field) == ""


@pytest.mark.parametrize(
    ("number", "objection"),
    [
        ("112", Objection.EMERGENCY),
        ("0900123", Objection.BARRED),
        ("1001", Objection.OWN_NUMBER),
        ("*", Objection.IMPOSSIBLE),
    ],
)
def test_calls_are_not_forwarded_where_a_code_would_not_either(number: str, objection: Objection) -> None:
    desk = office(barred=("0900*",))
    open_page(desk, "Incoming calls", "Forward all")
    desk.dial(number, Key.OK)
    assert (desk.entry.text, desk.entry.note) == (number, OBJECTIONS[objection])
    assert desk.said(SavePreferences) == []
    desk.press("1")
    assert desk.entry.note == ""


def test_holding_zero_makes_the_plus_of_an_international_number(desk: Desk) -> None:
    open_page(desk, "Incoming calls", "Forward all")
    desk.press("0")
    desk.hold_down("0")
    desk.dial("442079460000", Key.OK)
    assert saved(desk).forward_always == "+442079460000"


def test_a_number_is_no_longer_than_what_can_be_dialled(desk: Desk) -> None:
    open_page(desk, "Incoming calls", "Forward all")
    desk.dial("1" * 40)
    assert len(desk.entry.text) == 32


def test_numbers_are_blocked_and_ring_again_after_a_question(desk: Desk) -> None:
    open_page(desk, "Incoming calls", "Blocked numbers", "Block a number")
    desk.press(Key.OK)
    assert said(desk.entry.note) == "This number cannot be blocked, or the list is full."
    desk.dial("2345", Key.OK)
    assert saved(desk).blocked == ("2345",)
    choose(desk, "2345")
    assert isinstance(desk.shown().menu, NoticeView)
    desk.press(Key.OK)
    assert list(saved(desk).blocked) == []
    assert len(labels(desk)) == 1


def test_a_digit_gets_a_number_to_dial_and_loses_it() -> None:
    desk = office(barred=("0900*",))
    open_page(desk, "Settings", "Speed dials")
    desk.press("3")
    desk.dial("0900123", Key.OK)
    assert desk.entry.note == OBJECTIONS[Objection.BARRED]
    for _ in range(7):
        desk.press(Key.CANCEL)
    desk.dial("2345", Key.OK)
    assert saved(desk).speed_dials == (("3", "2345"),)
    assert labels(desk)[2] == "2345"
    desk.press("3")
    for _ in range(4):
        desk.press(Key.CANCEL)
    desk.press(Key.OK)
    assert saved(desk).speed_dials == ()


def test_lifting_the_handset_calls_the_speed_dial_that_is_selected() -> None:
    desk = office(preferences=Preferences(speed_dials=(("2", "2345"),)))
    open_page(desk, "Settings", "Speed dials")
    desk.press(Key.VOLUME_DOWN)
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2345@example.com"]


# --- voicemail ---


def test_voicemail_is_called_from_its_page() -> None:
    desk = office(voicemail_number="2500")
    open_page(desk, "Messages", "Voicemail")
    desk.press(Key.OK)
    assert desk.view.digits == "2500"
    desk.lift()
    assert [call.uri for call in desk.said(PlaceCall)] == ["sip:2500@example.com"]


def test_a_line_without_voicemail_says_so_and_lifting_gives_dial_tone(desk: Desk) -> None:
    open_page(desk, "Messages", "Voicemail")
    desk.press(Key.OK)
    desk.lift()
    assert desk.said(PlaceCall) == []
