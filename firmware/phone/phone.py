"""The telephone: one event in, commands out. No clock, no input or output, no threads."""

from collections.abc import Callable, Mapping

from firmware.phone.aloud import has_written, keep_aloud, note_zero
from firmware.phone.answering_machine import keep_machine
from firmware.phone.call import CallId
from firmware.phone.call_recording import keep_recording
from firmware.phone.call_timers import keep_call_timers
from firmware.phone.commands import Command, SetBrightness, SetIndicator, ShowPage
from firmware.phone.dialled import keep_people, keep_search
from firmware.phone.emergency_digits import end_row, take_digit
from firmware.phone.events import Event, HandsetLifted, KeyPressed
from firmware.phone.features import FeatureState
from firmware.phone.holder_settings import keep_boost
from firmware.phone.key import Key
from firmware.phone.light import keep_light
from firmware.phone.lock import keep_lock
from firmware.phone.menu.recordings import keep_playing_for_listeners_alone
from firmware.phone.menu.self_test import keep_self_test
from firmware.phone.modes import collecting_digits, idle, in_call, menu, ringing, taking_message, writing
from firmware.phone.modes.menu import keep_bundle, keep_first_run, keep_guardians_question
from firmware.phone.news import CallsFound
from firmware.phone.orders import AudioRoute, SetVolume
from firmware.phone.outputs import Outputs
from firmware.phone.paging import keep_paging
from firmware.phone.rows import Handler, Rows
from firmware.phone.state import PhoneSettings, PhoneState
from firmware.phone.switching import look_after_those_left
from firmware.phone.updates import keep_restart
from firmware.phone.view import Mode, PhoneView

_ROWS_BY_MODE: Mapping[Mode, Rows] = {
    Mode.UNPROVISIONED: idle.UNPROVISIONED,
    Mode.IDLE: idle.IDLE,
    Mode.COLLECTING_DIGITS: collecting_digits.ROWS,
    Mode.OUTGOING: in_call.OUTGOING,
    Mode.RINGING: ringing.RINGING,
    Mode.IN_CALL: in_call.IN_CALL,
    Mode.CALL_ENDED: in_call.CALL_ENDED,
    Mode.REDIALLING: ringing.REDIALLING,
    Mode.WRITING: writing.ROWS,
    Mode.MENU: menu.MENU,
    Mode.LISTENING: menu.LISTENING,
    Mode.TAKING_MESSAGE: taking_message.ROWS,
}

TABLE: Mapping[tuple[Mode, type[Event]], Handler] = {
    (mode, event_type): handler for mode, rows in _ROWS_BY_MODE.items() for event_type, handler in rows.items()
}
"""What each mode does about each event; there is a row for every pair."""


class Phone:
    """Decides everything about calls; the composition root tells it what happened and does what it says.

    Of the commands for one event, those that silence something come first, then calls, records and timers, then what
    sounds, and the display last.
    """

    def __init__(self, settings: PhoneSettings, new_call_id: Callable[[], CallId]) -> None:
        """`new_call_id` names the calls that this phone places."""
        self._state = PhoneState(
            settings,
            new_call_id,
            volumes={
                AudioRoute.EARPIECE: settings.earpiece_volume_percent,
                AudioRoute.SPEAKER: settings.speaker_volume_percent,
                AudioRoute.RINGER: settings.ringer_volume_percent,
            },
            features=FeatureState(settings.preferences, settings.preferences),
        )
        self._state.mode = self._state.home
        self._outputs = Outputs.of(self._state)

    @property
    def view(self) -> PhoneView:
        """The phone as it is now."""
        return self._outputs.view

    def start(self) -> list[Command]:
        """Say what to do before the first event. The handset is taken to be in its cradle."""
        return [
            *(SetVolume(route, percent) for route, percent in self._state.volumes.items()),
            self._outputs.ear,
            self._outputs.noise,
            SetIndicator(self._outputs.indicator),
            SetBrightness(self._outputs.brightness_percent),
            ShowPage(self._outputs.view),
        ]

    def handle(self, event: Event) -> list[Command]:
        """Take one event and say what to do about it, in order."""
        state = self._state
        state.commands = []
        state.commands_with_sound = []
        bundle_news = state.bundle.count
        take_digit(state, event)
        note_zero(state, event)
        TABLE[state.mode, type(event)](state, event)
        if has_written(state):
            TABLE[state.mode, KeyPressed](state, KeyPressed(Key.CANCEL))
        end_row(state, event)
        look_after_those_left(state)
        menu.keep_listening(state)
        keep_self_test(state)
        keep_playing_for_listeners_alone(state)
        keep_bundle(state, event, bundle_news)
        keep_restart(state, is_touched=isinstance(event, KeyPressed | HandsetLifted))
        keep_lock(state, event)
        keep_guardians_question(state)
        keep_first_run(state, event)
        keep_boost(state, event)
        keep_paging(state)
        keep_recording(state, event)
        keep_machine(state, event)
        keep_call_timers(state)
        keep_light(state, event)
        keep_aloud(state, event)
        keep_search(state)
        keep_people(state, event)
        before, self._outputs = self._outputs, Outputs.of(state, key_pressed=isinstance(event, KeyPressed))
        anew: list[Command] = []
        if isinstance(event, CallsFound):
            anew, before = self._outputs.said_anew(), before.with_sound_of(self._outputs)
        sounding = before.sounded_by(self._outputs, state.commands_with_sound)
        return [*anew, *before.silenced_by(self._outputs), *state.commands, *sounding]
