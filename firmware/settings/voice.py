"""What the configuration means to voice."""

from firmware.phone.country import ASSUMED_COUNTRY
from firmware.settings.line import sip_settings
from firmware.settings.sound import near_end_settings
from firmware.voice.settings import CardSettings, VoiceSettings
from provisioning.schema import Configuration
from provisioning.sound import Ringer, Sound


def voice_settings(configuration: Configuration | None) -> VoiceSettings:
    """Return all that voice is told; a handset that has no configuration sounds all the same."""
    sound = configuration.sound if configuration is not None else Sound()
    ringer = configuration.ringer if configuration is not None else Ringer()
    speaker_card = None
    if sound.speaker_playback is not None:
        speaker_card = CardSettings(
            sound.speaker_playback,
            sound.speaker_capture or sound.capture,
            sound.speaker_mixer_card,
            sound.speaker_mixer_element,
        )
    return VoiceSettings(
        country=configuration.device.assumed_country if configuration is not None else ASSUMED_COUNTRY,
        sip=sip_settings(configuration) if configuration is not None else None,
        card=CardSettings(sound.playback, sound.capture, sound.mixer_card, sound.mixer_element),
        speaker_card=speaker_card,
        rate_hz=sound.rate_hz,
        period_ms=sound.period_ms,
        prefill_ms=max(sound.prefill_ms, sound.period_ms // 2),
        handset_near_end=near_end_settings(sound, on_speaker=False),
        speaker_near_end=near_end_settings(sound, on_speaker=True),
        sidetone_percent=sound.sidetone_percent,
        comfort_noise=sound.comfort_noise,
        ringer_playback=ringer.playback,
        ringer_volume_percent=ringer.volume_percent,
    )
