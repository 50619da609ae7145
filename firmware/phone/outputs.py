"""What can be heard and seen of the phone: worked out from its state, so that no transition can forget a part of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

from firmware.phone.call_recording import is_unattended
from firmware.phone.commands import (
    Click,
    Command,
    IndicatorPattern,
    SetBrightness,
    SetIndicator,
    ShowPage,
    StopSpeaking,
)
from firmware.phone.light import brightness_percent
from firmware.phone.orders import (
    AudioRoute,
    CloseAudio,
    HearPage,
    LowerNoise,
    OpenAudio,
    PlayTone,
    SetEar,
    SetMute,
    SetVolume,
    StartRinging,
    StopRinging,
    StopTone,
    Tone,
)
from firmware.phone.shown import view_of
from firmware.phone.state import PhoneState
from firmware.phone.view import PhoneView


class _Audio(IntEnum):
    SHUT = 0
    UNATTENDED = 1
    EARPIECE = 2
    EARPIECE_AND_MICROPHONE = 3


def _ringing(state: PhoneState) -> StartRinging | None:
    """Return how it rings; what has to be heard does not begin softly, nor what the holder listens to."""
    waits = state.is_ringing and state.call is not None and not state.call.aloud
    rises = waits and state.features.preferences.ring_rises
    return StartRinging(state.ring_pattern, rises) if state.ring_pattern else None


@dataclass(frozen=True, slots=True)
class Outputs:
    """Everything outside that has to agree with the phone's state.

    `ringing` is how it rings, None for silence; `clicks` is whether a key has just been pressed that wants to be heard.
    """

    audio: _Audio
    speaker: bool
    tone: Tone | None
    page: str
    ringing: StartRinging | None
    ringer_percent: int
    muted: bool
    ear: SetEar
    noise: LowerNoise
    indicator: IndicatorPattern
    brightness_percent: int
    clicks: bool
    view: PhoneView

    @classmethod
    def of(cls, state: PhoneState, *, key_pressed: bool = False) -> Self:
        shut = _Audio.UNATTENDED if is_unattended(state) else _Audio.SHUT
        audio = _Audio.EARPIECE if state.earpiece_open else shut
        return cls(
            audio=_Audio.EARPIECE_AND_MICROPHONE if state.microphone_open else audio,
            speaker=state.loudspeaker_in_use,
            tone=state.sounding_tone,
            page=state.page,
            ringing=_ringing(state),
            ringer_percent=state.ringer_percent,
            muted=state.muted,
            ear=SetEar(state.features.preferences.ear or state.settings.ear, boosted=state.boosted),
            noise=LowerNoise(state.features.preferences.noise_lowered),
            indicator=state.indicator,
            brightness_percent=brightness_percent(state),
            clicks=key_pressed and state.features.preferences.key_clicks,
            view=view_of(state),
        )

    @property
    def _opened(self) -> Command:
        if self.audio is _Audio.SHUT:
            return CloseAudio()
        if self.audio is _Audio.UNATTENDED:
            return OpenAudio(talk=False, unattended=True)
        return OpenAudio(talk=self.audio is _Audio.EARPIECE_AND_MICROPHONE, speaker=self.speaker)

    @property
    def _speaks(self) -> bool:
        return self.view.spoken or self.view.asked_aloud

    def said_anew(self) -> list[Command]:
        """What makes the sound agree with this, whatever it was before, but for the tone and the ringing."""
        return [StopRinging(), StopTone(), self._opened, SetMute(self.muted)]

    def with_sound_of(self, after: Self) -> Self:
        """Return these, but for what `said_anew` has brought into agreement with `after`."""
        return replace(self, audio=after.audio, speaker=after.speaker, muted=after.muted, tone=None, ringing=None)

    def silenced_by(self, after: Self) -> list[Command]:
        """What has to fall silent on the way from here to `after`; comes before anything else is done."""
        commands: list[Command] = []
        if self.ringing is not None and after.ringing != self.ringing:
            commands.append(StopRinging())
        if self._speaks and not (after._speaks and after.audio is self.audio):
            commands.append(StopSpeaking())
        talks = after.audio is _Audio.EARPIECE_AND_MICROPHONE
        if self.tone is not None and after.tone != self.tone and (after.tone is None or talks):
            commands.append(StopTone())
        if self.page and after.page != self.page:
            commands.append(HearPage(""))
        if after.audio < self.audio:
            commands.append(after._opened)
        if after.muted and not self.muted:
            commands.append(SetMute(muted=True))
        return commands

    def sounded_by(self, after: Self, with_sound: Iterable[Command] = ()) -> list[Command]:
        """What has to sound and show on the way from here to `after`; the display, being slowest, comes last.

        `with_sound` comes as soon as the handset's sound is as it should be.
        """
        commands: list[Command] = []
        if self.muted and not after.muted:
            commands.append(SetMute(muted=False))
        commands += [after.ear] if after.ear != self.ear else []
        commands += [after.noise] if after.noise != self.noise else []
        moved = after.audio is self.audio is not _Audio.SHUT and after.speaker is not self.speaker
        if after.audio > self.audio or moved:
            commands.append(after._opened)
        commands += [HearPage(after.page)] if after.page and after.page != self.page else []
        commands += with_sound
        if after.tone is not None and after.tone != self.tone:
            commands.append(PlayTone(after.tone))
        if after.ringer_percent != self.ringer_percent:
            commands.append(SetVolume(AudioRoute.RINGER, after.ringer_percent))
        if after.ringing is not None and after.ringing != self.ringing:
            commands.append(after.ringing)
        talks = after.audio is _Audio.EARPIECE_AND_MICROPHONE
        if after.clicks and after.ringing is None and not talks:
            # The other end of a call hears nothing of it.
            commands.append(Click(in_ear=after.audio is _Audio.EARPIECE))
        if after.indicator != self.indicator:
            commands.append(SetIndicator(after.indicator))
        if after.brightness_percent != self.brightness_percent:
            commands.append(SetBrightness(after.brightness_percent))
        if after.view != self.view:
            commands.append(ShowPage(after.view))
        return commands
