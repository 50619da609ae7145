"""The ringer's own PCM, and what it rings with."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from provisioning.section import ConfigurationTable, Percent

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
