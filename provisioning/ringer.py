"""The ringer's own PCM."""

from provisioning.section import Percent, Section


class Ringer(Section):
    """The ringer's own PCM."""

    playback: str = "default"
    volume_percent: Percent = 80
