"""What voice runs with: all of it, as it travels; nothing else of the configuration does."""

from dataclasses import dataclass
from typing import Final

import msgspec

from firmware.voice.audio.near_end import NearEndSettings
from firmware.voice.channel import RefusedError
from firmware.voice.sip.settings import SipSettings

_UNTOUCHED: Final = NearEndSettings()


@dataclass(frozen=True, slots=True)
class CardSettings:
    """One earpiece or loudspeaker with its microphone; the fields mean what they mean in `drivers.sound`."""

    playback: str = "default"
    capture: str = "default"
    mixer_card: str | None = None
    mixer_element: str = "Speaker"


@dataclass(frozen=True, slots=True)
class PagingGroup:
    """Where who may speak; the fields mean what they mean in the configuration's [[paging]]."""

    name: str
    group: str
    port: int
    source: str

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.group


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """All that voice is told.

    Attributes:
        country: whose tones are played.
        sip: its accounts and how SIP behaves; None where there is no account.
        card: the earpiece and the microphone.
        speaker_card: the loudspeaker and its microphone, None where the earpiece's pair serves for both.
        rate_hz, period_ms, prefill_ms: of both.
        handset_near_end, speaker_near_end: what is done to the microphone's sound on either.
        sidetone_percent: how much of one's own voice is heard in the earpiece, as an amplitude.
        comfort_noise: whether a faint noise is played while the far end of a call is dead silent.
        ringer_playback: the ringer's PCM.
        ringer_volume_percent: how loud it is until it is told otherwise.
        paging: the groups that are listened to.
    """

    country: str
    sip: SipSettings | None = None
    card: CardSettings = CardSettings()
    speaker_card: CardSettings | None = None
    rate_hz: int = 16_000
    period_ms: int = 10
    prefill_ms: int = 5
    handset_near_end: NearEndSettings = _UNTOUCHED
    speaker_near_end: NearEndSettings = _UNTOUCHED
    sidetone_percent: int = 0
    comfort_noise: bool = False
    ringer_playback: str = "default"
    ringer_volume_percent: int = 80
    paging: tuple[PagingGroup, ...] = ()


def pack(settings: VoiceSettings) -> bytes:
    """Return settings as they travel: the same bytes for the same settings, whichever process packs them."""
    # Sets have no order of their own.
    return msgspec.msgpack.encode(settings, order="deterministic")


def unpack(data: bytes) -> VoiceSettings:
    """Return what was packed.

    Raises:
        RefusedError: it is nothing of the kind.
    """
    try:
        return msgspec.msgpack.decode(data, type=VoiceSettings)
    except msgspec.DecodeError as error:
        raise RefusedError("Settings are not of their declared type.") from error
