"""What the configuration means to the microphone's sound."""

from firmware.voice.audio.near_end import NearEndSettings
from provisioning.sound import Sound


def near_end_settings(sound: Sound, *, on_speaker: bool) -> NearEndSettings:
    """Return what is done to the microphone's sound on the handset or on the loudspeaker."""
    routes = {"always", "speaker"} if on_speaker else {"always"}
    return NearEndSettings(
        echo_cancelling=sound.echo_cancelling in routes,
        noise_suppression=sound.noise_suppression in routes,
        gain_control=sound.gain_control in routes,
    )
