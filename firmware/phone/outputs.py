"""What can be heard and seen of the phone: worked out from its state, so that no transition can forget a part of it."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from firmware.phone.commands import (
    CloseAudio,
    Command,
    IndicatorPattern,
    OpenAudio,
    PlayTone,
    SetIndicator,
    SetMute,
    ShowPage,
    StartRinging,
    StopRinging,
    StopTone,
    Tone,
)
from firmware.phone.state import PhoneState
from firmware.phone.view import PhoneView


class _Audio(IntEnum):
    SHUT = 0
    EARPIECE = 1
    EARPIECE_AND_MICROPHONE = 2


_AUDIO_COMMANDS: dict[_Audio, Command] = {
    _Audio.SHUT: CloseAudio(),
    _Audio.EARPIECE: OpenAudio(talk=False),
    _Audio.EARPIECE_AND_MICROPHONE: OpenAudio(talk=True),
}


@dataclass(frozen=True, slots=True)
class Outputs:
    """Everything outside that has to agree with the phone's state."""

    audio: _Audio
    tone: Tone | None
    ringing: bool
    muted: bool
    indicator: IndicatorPattern
    view: PhoneView

    @classmethod
    def of(cls, state: PhoneState) -> Self:
        talks = state.microphone_open
        listens = state.earpiece_open
        return cls(
            audio=_Audio.EARPIECE_AND_MICROPHONE if talks else _Audio.EARPIECE if listens else _Audio.SHUT,
            tone=state.tone if listens and not talks else None,
            ringing=state.is_ringing,
            muted=state.muted,
            indicator=state.indicator,
            view=state.view(),
        )

    def silenced_by(self, after: Self) -> list[Command]:
        """What has to fall silent on the way from here to `after`; comes before anything else is done."""
        commands: list[Command] = []
        if self.ringing and not after.ringing:
            commands.append(StopRinging())
        if self.tone is not None and after.tone is None:
            commands.append(StopTone())
        if after.audio < self.audio:
            commands.append(_AUDIO_COMMANDS[after.audio])
        if after.muted and not self.muted:
            commands.append(SetMute(muted=True))
        return commands

    def sounded_by(self, after: Self) -> list[Command]:
        """What has to sound and show on the way from here to `after`; the display, being slowest, comes last."""
        commands: list[Command] = []
        if self.muted and not after.muted:
            commands.append(SetMute(muted=False))
        if after.audio > self.audio:
            commands.append(_AUDIO_COMMANDS[after.audio])
        if after.tone is not None and after.tone != self.tone:
            commands.append(PlayTone(after.tone))
        if after.ringing and not self.ringing:
            commands.append(StartRinging())
        if after.indicator != self.indicator:
            commands.append(SetIndicator(after.indicator))
        if after.view != self.view:
            commands.append(ShowPage(after.view))
        return commands
