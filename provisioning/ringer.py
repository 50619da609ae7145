"""The ringer's own PCM."""

from provisioning.section import ConfigurationTable, Percent


class Ringer(ConfigurationTable):
    """The ringer.

    Attributes:
        playback: its PCM (`aplay -L` lists them).
        volume_percent: how loud it is, until the holder changes it.
    """

    playback: str = "default"
    volume_percent: Percent = 80
