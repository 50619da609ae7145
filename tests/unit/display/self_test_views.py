"""What the display shows while an installer tests the hardware."""

from firmware.phone.key import Key
from firmware.phone.requests.handset import Loudness, ReadLoudness
from firmware.phone.view import PhoneView
from provisioning.controls import Keypad
from tests.unit.phone.desk import Desk, settings
from tests.unit.phone.menus import open_page
from tests.unit.phone.office import AGREED

_KEYS = tuple(tuple(map(Key, row)) for row in Keypad().keys)
_VOICE, _QUIET = Loudness(30, 3000), Loudness(20, 40)


def self_test_views() -> dict[str, PhoneView]:
    """Test everything, with one key that never comes."""
    desk = Desk(settings(keypad=_KEYS))
    desk.handle(AGREED)
    views: dict[str, PhoneView] = {}

    def show(name: str) -> None:
        views[f"self-test, {name}"] = desk.view

    open_page(desk, "This phone", "Self-test")
    show("question")
    desk.press(Key.OK)
    show("keys")
    for key in (key for row in _KEYS for key in row if key is not Key.DIGIT_8):
        desk.press(key)
    show("one key is left")
    desk.press(Key.OK)
    show("lift")
    desk.lift()
    show("tone")
    desk.press(Key.OK)
    for heard in (_QUIET, _QUIET, _VOICE):
        desk.reply(ReadLoudness, heard)
    show("microphone")
    for heard in (_VOICE, _VOICE):
        desk.reply(ReadLoudness, heard)
    show("put down")
    desk.replace()
    show("ring")
    desk.press(Key.OK)
    show("light")
    desk.press(Key.OK)
    show("result")
    return views
