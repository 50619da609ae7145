"""The self-test of the hardware: an installer presses each key, lifts the handset, listens, speaks, hears and sees.

It calls nobody. While the keys are tested none does what it is for, but an emergency number that is typed is offered as
on every page, and lifting calls it. A call that comes in goes before it. It is left by CANCEL twice while the keys are
tested, by CANCEL held and by MENU later, by hanging up, and by itself.
"""

import math
from enum import Enum, auto
from typing import Final

from contract.results import HardwarePart
from firmware.base.words import Text, counted, word
from firmware.phone.emergency_digits import number_for_help
from firmware.phone.events import Timer
from firmware.phone.key import Key
from firmware.phone.menu.card import Card
from firmware.phone.menu.choices import BACK
from firmware.phone.menu.question import NO, NOT_DONE, Notice, Question
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import CardView, MenuRow, MenuView, NoticeView, SoftKeys
from firmware.phone.request import Failed
from firmware.phone.requests.handset import KeepSelfTest, Loudness, PartTested, ReadLoudness
from firmware.phone.state import PhoneState
from firmware.phone.view import Mode

SELF_TEST: Final = word("Self-test")
PARTS: Final = {
    HardwarePart.KEYS: word("Keypad"),
    HardwarePart.HOOK: word("Hook switch"),
    HardwarePart.EAR: word("Earpiece"),
    HardwarePart.MICROPHONE: word("Microphone"),
    HardwarePart.RING: word("Ringer"),
    HardwarePart.LIGHT: word("Indicator"),
}

_PATIENCE_S: Final = 15.0
"""So long a step waits for a key, the cradle or an answer before it counts as failed."""

_VOICE_RATIO: Final = 4
"""A voice has four times the amplitude of what is heard beside it, which is 12 dB."""
_VOICE_LEAST: Final = 200
"""The amplitude that nobody's voice is below at a microphone in the hand: -44 dB of full scale."""
_VOICES_WANTED: Final = 3
_MOST_READINGS: Final = 40
_FULL_SCALE: Final = 32768
_QUIETEST_SHOWN_DB: Final = -60

_KEY_LENGTH: Final = 3
_KEY_SIGNS: Final = {Key.VOLUME_UP: "VO+", Key.VOLUME_DOWN: "VO-", Key.DO_NOT_DISTURB: "DND"}
_CAME: Final = "·"


class _Step(Enum):
    """What the person is asked for, in this order."""

    KEYS = auto()
    LIFT = auto()
    EAR = auto()
    MICROPHONE = auto()
    REPLACE = auto()
    RING = auto()
    LIGHT = auto()


_TESTS: Final = {
    _Step.KEYS: HardwarePart.KEYS,
    _Step.LIFT: HardwarePart.HOOK,
    _Step.EAR: HardwarePart.EAR,
    _Step.MICROPHONE: HardwarePart.MICROPHONE,
    _Step.REPLACE: HardwarePart.HOOK,
    _Step.RING: HardwarePart.RING,
    _Step.LIGHT: HardwarePart.LIGHT,
}
_ASKED: Final = {
    _Step.LIFT: word("Lift the handset."),
    _Step.EAR: word("Do you hear the tone?"),
    _Step.MICROPHONE: word("Speak. Nothing is kept."),
    _Step.REPLACE: word("Put the handset down."),
    _Step.RING: word("Does it ring?"),
    _Step.LIGHT: word("Does the light blink?"),
}
_WITH_HANDSET: Final = frozenset({_Step.EAR, _Step.MICROPHONE, _Step.REPLACE})
_ANSWERED_BY_OK: Final = frozenset({_Step.EAR, _Step.RING, _Step.LIGHT})


def self_test_question(_state: PhoneState) -> Question:
    """Ask before the test, which nobody is to find themselves in."""
    text = word("Test the keys, the handset and the ringer? It takes two minutes and calls nobody.")
    return Question(SELF_TEST, text, word("Begin"), lambda state: state.menu.push(state, SelfTest(state)))


class SelfTest(Quiet):
    """Walks through the parts; what it found is kept once all of them are through."""

    is_public = True

    def __init__(self, state: PhoneState) -> None:
        self._step = _Step.KEYS
        self.tests = HardwarePart.KEYS
        self._left = [key for row in state.settings.keypad for key in row]
        self._found: dict[HardwarePart, PartTested] = {}
        self._is_up = False
        self._noise = _FULL_SCALE
        self._voices = 0
        self._readings = 0
        self._loudness_percent = 0

    def view(self, state: PhoneState) -> MenuView:
        """Show what to do."""
        if self._step is _Step.KEYS:
            return self._keypad(state)
        percent = self._loudness_percent if self._step is _Step.MICROPHONE else None
        ok = word("Yes") if self._step in _ANSWERED_BY_OK else ""
        return NoticeView(SELF_TEST, _ASKED[self._step], percent, SoftKeys(NO, ok), asks=True)

    def open(self, state: PhoneState) -> None:
        """Wait anew; a call may have come between."""
        self._begin(state)

    def press(self, state: PhoneState, key: Key) -> None:
        """Take a key that is tested, or OK for yes."""
        if self._step is not _Step.KEYS:
            if key is Key.OK and self._step in _ANSWERED_BY_OK:
                self._end_step(state, works=True)
            return
        state.start_timer(Timer.INTER_DIGIT, _PATIENCE_S)
        if key in self._left:
            self._left.remove(key)
        elif key is Key.CANCEL:
            state.menu.drop(state, self)
            return
        elif key is Key.OK:
            self._end_keys(state)
            return
        if not self._left and not number_for_help(state):
            self._end_keys(state)

    def repeat(self, state: PhoneState, key: Key) -> None:
        """Count a key that is held once."""

    def cancel(self, state: PhoneState) -> bool:
        """Take CANCEL for no."""
        self._end_step(state, works=False)
        return True

    def pause(self, state: PhoneState) -> None:
        """Go on without what has not come; not away from an emergency number that is offered."""
        if state.menu.top is not self:
            return
        if number_for_help(state):
            state.start_timer(Timer.INTER_DIGIT, _PATIENCE_S)
        elif self._step is _Step.KEYS:
            self._end_keys(state)
        else:
            self._end_step(state, works=False)

    def follow(self, state: PhoneState) -> None:
        """Notice that the handset was lifted or put down."""
        if self._step is _Step.LIFT and state.mode is Mode.LISTENING:
            self._is_up = True
            self._go_to(state, _Step.EAR)
        elif self._is_up and state.mode is Mode.MENU:
            self._is_up = self.listens = False
            if self._step is _Step.REPLACE:
                self._end_step(state, works=True)
            elif self._step in _WITH_HANDSET:
                # Hanging up before it was asked for leaves the test.
                state.menu.drop(state, self)

    def _keypad(self, state: PhoneState) -> CardView:
        # A row of keys that have all come makes room for the next: a small display shows few.
        left = [row for row in state.settings.keypad if not set(row).isdisjoint(self._left)]
        rows = [" ".join(_sign(key) if key in self._left else _CAME for key in row) for row in left]
        title = counted("Press {count} key", "Press {count} keys", len(self._left))
        # A key does what is said of it once it has come.
        cancel = "" if Key.CANCEL in self._left else BACK
        ok = "" if Key.OK in self._left else word("Go on")
        return CardView(title, tuple(map(MenuRow, rows)), keys=SoftKeys(cancel, ok))

    # --- from step to step ---

    def _end_keys(self, state: PhoneState) -> None:
        self._note(HardwarePart.KEYS, works=not self._left, missing=tuple(self._left))
        self._go_to(state, _Step.LIFT)

    def _end_step(self, state: PhoneState, *, works: bool) -> None:
        step = self._step
        if step is not _Step.LIFT or not works:
            self._note(_TESTS[step], works=works)
        match step:
            case _Step.LIFT:
                # Nobody can listen or speak at a phone that takes the handset to be down.
                self._note(HardwarePart.EAR, works=None)
                self._note(HardwarePart.MICROPHONE, works=None)
                self._go_to(state, _Step.RING)
            case _Step.LIGHT:
                self._end(state)
            case _:
                self._go_to(state, _Step(step.value + 1))

    def _note(self, part: HardwarePart, *, works: bool | None, missing: tuple[Key, ...] = ()) -> None:
        self._found[part] = PartTested(part, works, missing)

    def _go_to(self, state: PhoneState, step: _Step) -> None:
        self._step = step
        self.tests = _TESTS[step]
        # Elsewhere lifting the handset gives dial tone.
        self.listens = step is _Step.LIFT or self._is_up
        self._begin(state)

    def _begin(self, state: PhoneState) -> None:
        """Begin the step's patience, and listen where it is about the microphone."""
        if self._step is _Step.KEYS and not self._left:
            self._end_keys(state)
            return
        state.start_timer(Timer.INTER_DIGIT, _PATIENCE_S)
        if self._step is _Step.MICROPHONE:
            state.ask(ReadLoudness(), self._hear_voice, page=self)

    def _end(self, state: PhoneState) -> None:
        found = tuple(self._found[part] for part in HardwarePart)
        state.ask(KeepSelfTest(found), _say_where_not_kept)
        state.menu.replace(state, Card(SELF_TEST, lambda _state: [_row(each) for each in found]))

    # --- the microphone ---

    def _hear_voice(self, state: PhoneState, answer: Loudness | Failed) -> None:
        if self._step is not _Step.MICROPHONE:
            return
        heard = Loudness() if isinstance(answer, Failed) else answer
        self._readings += 1
        # What came first may be from before the microphone was open, or while it settled.
        if self._readings > 1:
            self._noise = min(self._noise, max(1, heard.quietest))
            is_voice = heard.loudest >= max(_VOICE_LEAST, _VOICE_RATIO * self._noise)
            self._voices += is_voice
        self._loudness_percent = _percent(heard.loudest)
        if self._voices >= _VOICES_WANTED:
            self._end_step(state, works=True)
        elif self._readings >= _MOST_READINGS:
            self._end_step(state, works=False)
        else:
            state.ask(ReadLoudness(), self._hear_voice, page=self)


def keep_self_test(state: PhoneState) -> None:
    """Let the test know where the handset is, whoever has moved it."""
    if isinstance(page := state.menu.top, SelfTest):
        page.follow(state)


def _say_where_not_kept(state: PhoneState, answer: Failed | None) -> None:
    if isinstance(answer, Failed) and state.menu.top is not None:
        state.menu.push(state, Notice(NOT_DONE, answer.words))


def _sign(key: Key) -> str:
    """Return what a display of twenty letters has room for; it stands where the key is."""
    return _KEY_SIGNS.get(key, key.value[:_KEY_LENGTH].upper())


def _percent(amplitude: int) -> int:
    level_db = 20 * math.log10(max(1, amplitude) / _FULL_SCALE)
    return round(100 * max(0.0, 1 - level_db / _QUIETEST_SHOWN_DB))


def _row(found: PartTested) -> MenuRow:
    return MenuRow(PARTS[found.part], _said(found))


def _said(found: PartTested) -> Text:
    if found.missing:
        return word("missing: {keys}", keys=" ".join(map(_sign, found.missing)))
    if found.works is None:
        return word("not tried")
    return word("works") if found.works else word("does not work")
