"""Stereo sound as FLAC, for systems without libopus: each stretch is a stream of its own, and an export joins them.

soundfile brings libsndfile along, which has an encoder of FLAC that gives out its frames late. Only a stream that has
ended holds all of its sound, and a recording may have to end at any moment.
"""

import io
from collections.abc import Iterator
from typing import Any, Final

import soundfile

from firmware.base.errors import MediaError
from firmware.ports.sound import SOUND_RATE_HZ

_CHANNELS: Final = 2


class FlacEncoder:
    """Encodes one recording."""

    def head(self) -> bytes:
        """Return what a recording begins with."""
        return b""

    def encode(self, sound: bytes, *, is_last: bool = False) -> bytes:
        """Return a stretch as a stream of FLAC."""
        del is_last
        if not sound:
            return b""
        stream = io.BytesIO()
        with _writer(stream) as flac:
            flac.buffer_write(sound, "int16")
        return stream.getvalue()


class FlacDecoder:
    """Decodes what FlacEncoder made, chunk by chunk."""

    def decode(self, chunk: bytes) -> bytes:
        """Return how a chunk sounds, stereo.

        Raises:
            MediaError: it holds no FLAC.
        """
        if not chunk:
            return b""
        try:
            with soundfile.SoundFile(io.BytesIO(chunk)) as flac:
                return bytes(flac.buffer_read(dtype="int16"))
        except soundfile.LibsndfileError as error:
            raise MediaError("A recording holds what is no FLAC; what was before it can be heard.") from error


def joined_flac(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Return chunks as one stream that any player takes; it does not say how long it is."""
    stream, decoder = _Forward(), FlacDecoder()
    with _writer(stream) as flac:
        for chunk in chunks:
            flac.buffer_write(decoder.decode(chunk), "int16")
            yield stream.take()
    yield stream.take()


class _Forward(io.BytesIO):
    """A file whose content is taken away as it grows: what is written again at its beginning is left out."""

    def __init__(self) -> None:
        super().__init__()
        self._taken = 0

    def take(self) -> bytes:
        """Return what has come since the last time."""
        grown = self.getvalue()[self._taken :]
        self._taken += len(grown)
        return grown


def _writer(stream: io.BytesIO) -> Any:
    return soundfile.SoundFile(
        stream, "w", samplerate=SOUND_RATE_HZ, channels=_CHANNELS, format="FLAC", subtype="PCM_16"
    )
