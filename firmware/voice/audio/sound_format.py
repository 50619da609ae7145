"""In which format this system can keep sound: Opus where libopus is there, else FLAC, which takes seven times the room.

Each is loaded when it is first asked for: a handset registers sooner.
"""

import functools
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Protocol

from firmware.base.errors import MediaError
from firmware.ports.recording import SoundFormat


class SoundEncoder(Protocol):
    """Encodes one recording: its chunks, one after the other, are a file that may end after any of them."""

    def head(self) -> bytes:
        """Return what the recording begins with."""
        ...

    def encode(self, sound: bytes, *, is_last: bool = False) -> bytes:
        """Return the chunk for a stretch of stereo sound at SOUND_RATE_HZ."""
        ...


class SoundDecoder(Protocol):
    """Decodes one recording."""

    def decode(self, chunk: bytes) -> bytes:
        """Return how a chunk sounds: stereo, at SOUND_RATE_HZ.

        Raises:
            MediaError: the chunk is not of this format.
        """
        ...


@functools.cache
def best_format() -> SoundFormat | None:
    """Return the format to record in; None where there is no encoder at all."""
    with suppress(Exception):  # the binding raises its base class where it finds no library
        import_module("firmware.voice.audio.opus")
        return SoundFormat.OPUS
    with suppress(ImportError, OSError):
        import_module("firmware.voice.audio.flac")
        return SoundFormat.FLAC
    return None


def make_encoder(sound_format: SoundFormat, bitrate: int) -> SoundEncoder:
    """Make the encoder of a recording; FLAC has no bit rate."""
    if sound_format is SoundFormat.OPUS:
        from firmware.voice.audio.opus import OpusEncoder

        return OpusEncoder(bitrate)
    from firmware.voice.audio.flac import FlacEncoder

    return FlacEncoder()


def make_decoder(sound_format: SoundFormat) -> SoundDecoder:
    """Make the decoder of a recording.

    Raises:
        MediaError: what it needs is no longer there.
    """
    try:
        if sound_format is SoundFormat.OPUS:
            from firmware.voice.audio.opus import OpusDecoder

            return OpusDecoder()
        from firmware.voice.audio.flac import FlacDecoder

        return FlacDecoder()
    except Exception as error:
        raise MediaError(
            f"A recording in {sound_format} cannot be played, because what decodes it is not installed. "
            "Install the packages that docs/dependencies.md names."
        ) from error


def joined(sound_format: SoundFormat, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Return the chunks of a recording, or of as much of it as there is, as one file that any player takes."""
    if sound_format is SoundFormat.OPUS:
        return chunks
    from firmware.voice.audio.flac import joined_flac

    return joined_flac(chunks)
