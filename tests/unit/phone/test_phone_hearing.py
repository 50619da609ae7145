"""An ear that hears less: the key that makes it louder while it is down, the presets, and the switch of noise."""

import pytest

from firmware.phone.commands import Command, SavePreferences
from firmware.phone.events import KeyPressed, KeyReleased, KeyRepeated, PreferencesLoaded
from firmware.phone.key import Key
from firmware.phone.orders import EarPreset, LowerNoise, SetEar
from firmware.phone.preferences import Preferences
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import choose, labels, open_page, said

pytestmark = pytest.mark.feature("an ear that hears less")

LOUDER = SetEar(EarPreset.NORMAL, boosted=True)
USUAL = SetEar(EarPreset.NORMAL)


def ears(commands: list[Command]) -> list[Command]:
    return [command for command in commands if isinstance(command, SetEar)]


def test_the_ear_is_louder_for_as_long_as_the_key_is_down(desk: Desk) -> None:
    desk.answered_incoming_call()
    assert ears(desk.handle(KeyPressed(Key.BOOST))) == [LOUDER]
    assert ears(desk.handle(KeyRepeated(Key.BOOST))) == []
    assert ears(desk.handle(KeyReleased(Key.MUTE))) == []
    assert ears(desk.handle(KeyReleased(Key.BOOST))) == [USUAL]


def test_a_dial_tone_and_a_call_for_help_are_louder_too(desk: Desk) -> None:
    desk.lift()
    assert ears(desk.handle(KeyPressed(Key.BOOST))) == [LOUDER]
    desk.handle(KeyReleased(Key.BOOST))
    desk.dial("112", Key.OK)
    assert ears(desk.handle(KeyPressed(Key.BOOST))) == [LOUDER]


def test_whoever_hangs_up_with_the_key_down_begins_anew_as_usual(desk: Desk) -> None:
    desk.answered_incoming_call()
    desk.handle(KeyPressed(Key.BOOST))
    assert ears(desk.replace()) == [USUAL]
    assert ears(desk.lift()) == []


def test_the_key_does_nothing_to_a_phone_at_rest(desk: Desk) -> None:
    assert ears(desk.handle(KeyPressed(Key.BOOST))) == []


def test_a_phone_begins_with_what_the_configuration_says() -> None:
    desk = Desk(settings(ear=EarPreset.LOUD))
    assert SetEar(EarPreset.LOUD) in desk.phone.start()
    assert LowerNoise(lowered=True) in desk.phone.start()


def test_what_the_holder_chose_before_counts_once_it_is_known() -> None:
    desk = Desk(settings(ear=EarPreset.LOUD))
    commands = desk.handle(PreferencesLoaded(Preferences(ear=EarPreset.CLEAR, noise_lowered=False)))
    assert SetEar(EarPreset.CLEAR) in commands
    assert LowerNoise(lowered=False) in commands


def test_a_boost_is_on_top_of_what_was_chosen() -> None:
    desk = Desk(settings(ear=EarPreset.CLEAR))
    desk.answered_incoming_call()
    assert ears(desk.handle(KeyPressed(Key.BOOST))) == [SetEar(EarPreset.CLEAR, boosted=True)]


@pytest.mark.parametrize(
    ("row", "preset"), [("Clearer", EarPreset.CLEAR), ("Louder", EarPreset.LOUD), ("Normal", EarPreset.NORMAL)]
)
def test_the_holder_chooses_how_the_ear_sounds(row: str, preset: EarPreset) -> None:
    first = EarPreset.LOUD if preset is EarPreset.NORMAL else EarPreset.NORMAL
    desk = Desk(settings(ear=first))
    open_page(desk, "Settings", "Sounds", "Handset sound")
    choose(desk, row)
    assert desk.said(SetEar)[-1] == SetEar(preset)
    assert desk.said(SavePreferences)[-1].preferences.ear is preset


@pytest.mark.feature("lower noise")
def test_the_switch_of_noise_is_there_where_noise_is_lowered_at_all() -> None:
    desk = Desk()
    open_page(desk, "Settings", "Sounds")
    for lowered in (False, True):
        choose(desk, "Lower noise")
        assert desk.said(LowerNoise)[-1] == LowerNoise(lowered)
        assert desk.said(SavePreferences)[-1].preferences.noise_lowered is lowered
    desk = Desk(settings(lowers_noise=False))
    open_page(desk, "Settings", "Sounds")
    assert "Lower noise" not in [said(label) for label in labels(desk)]
