"""The earpiece, the microphone and the loudspeaker; the ringer; recordings of calls."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from provisioning.section import ConfigurationTable, Percent, conflict

AlsaName = Annotated[str, Field(examples=["plughw:CARD=Speaker"])]
OnRoutes = Literal["never", "speaker", "always"]


class Sound(ConfigurationTable):
    """The earpiece, the microphone and the loudspeaker, by ALSA names, which stay when numbers change.

    Attributes:
        playback, capture: PCM names (`aplay -L` lists them).
        mixer_card: control device for the hardware volume; volume is scaled in software where left out.
        mixer_element: the mixer element on it.
        rate_hz: what the PCMs are opened with.
        period_ms: how much sound is handled at once: 20 is a fifth less work than 10, and some 20 ms more delay.
        prefill_ms: silence queued ahead of the first sound, half a period at least; less is less delay, more is more
            sturdy.
        volume_percent: how loud the earpiece is, until the holder changes it.
        ear: how the earpiece sounds, until the holder changes it: "clear" has less of the lows and more of what tells
            consonants apart, "loud" is 6 dB louder, and neither ever overdrives it.
        speaker_playback: the loudspeaker's PCM; the earpiece's pair is used for both where left out.
        speaker_capture: the loudspeaker's microphone; the handset's where left out.
        speaker_mixer_card, speaker_mixer_element: the loudspeaker's hardware volume, as for the earpiece.
        speaker_volume_percent: how loud the loudspeaker is, until the holder changes it.
        echo_cancelling: where the far end's own voice is taken out of the microphone. On the handset, whose shell
            keeps the two apart, it costs some 10 ms of delay, 20 MB and almost one per cent of a core.
        noise_suppression: where steady noise around the phone is lowered.
        gain_control: where voices far from the microphone are raised.
        sidetone_percent: how much of one's own voice is heard in the earpiece, as an amplitude. It comes late by the
            PCMs' delay: prefer the sound card's own sidetone, where it has one.
        comfort_noise: whether a faint noise is played while the far end of a call is dead silent.
    """

    playback: str = "default"
    capture: str = "default"
    mixer_card: AlsaName | None = None
    mixer_element: str = "Speaker"
    rate_hz: Literal[8000, 16000, 48000] = 16000
    period_ms: Literal[10, 20] = 10
    prefill_ms: Annotated[int, Field(ge=5, le=80)] = 5
    volume_percent: Percent = 70
    ear: Literal["normal", "clear", "loud"] = "normal"
    speaker_playback: AlsaName | None = None
    speaker_capture: AlsaName | None = None
    speaker_mixer_card: AlsaName | None = None
    speaker_mixer_element: str = "Speaker"
    speaker_volume_percent: Percent = 70
    echo_cancelling: OnRoutes = "speaker"
    noise_suppression: OnRoutes = "speaker"
    gain_control: OnRoutes = "speaker"
    sidetone_percent: Percent = 0
    comfort_noise: bool = True

    @model_validator(mode="after")
    def _a_microphone_of_its_own_needs_a_loudspeaker(self) -> Self:
        if self.speaker_capture is not None and self.speaker_playback is None:
            conflict(
                "needs speaker_playback: without a loudspeaker the earpiece's pair is used",
                ("speaker_capture",), ("speaker_playback",),
            )  # fmt: skip
        return self


ToneFile = Annotated[Path, Field(examples=["ring_tones/bell.wav"])]


class Ringer(ConfigurationTable):
    """The ringer.

    Attributes:
        playback: its PCM (`aplay -L` lists them).
        volume_percent: how loud it is, until the holder changes it.
        tone: WAV file that the phone rings with, in place of its own warble, where neither holder, server nor contact
            asks for another way to ring. In a bundle it lies in `ring_tones/`. 16-bit PCM, mono or stereo, 10 s and
            2 MiB at most; it sounds from beginning to end, and again after the pause that is usual in the country.
    """

    playback: str = "default"
    volume_percent: Percent = 80
    tone: ToneFile | None = None


Announcement = Literal["tone", "voice"]


class Recording(ConfigurationTable):
    """Recordings of calls; none is made without the holder's consent.

    Attributes:
        announce: how the other end hears that it is recorded: by a tone every 15 seconds, or in words when it begins;
            what the device's country is used to where left out.
        limit_mb: how much of the card recordings may take; the oldest that are not kept go first.
        bitrate_kbps: how well they sound, both sides together; an hour at 30 kb/s is 14 MB.
    """

    announce: Announcement | None = None
    limit_mb: Annotated[int, Field(ge=20, le=100_000)] = 500
    bitrate_kbps: Annotated[int, Field(ge=16, le=64)] = 30
