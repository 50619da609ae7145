"""Plays recordings in the earpiece or the loudspeaker, whichever is open; what is decoded is in memory only."""

import asyncio
import audioop
from collections.abc import Callable, Iterator
from typing import Final

from firmware.base.errors import MediaError, StorageError
from firmware.phone.recording import Playback, RecordingId
from firmware.phone.requests.recordings import PlaybackProgressed
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.store.recording_files import RecordingReader, SoundChunk
from firmware.store.recordings import StoredRecordings
from firmware.store.sealed_files import Ending
from firmware.voice.audio.sound_format import SoundDecoder, make_decoder
from firmware.voice.audio.sound_queue import SoundQueue

_SAMPLE_BYTES: Final = 2
_LOOK_S: Final = 0.1
_LOOKS_A_REPORT: Final = 5
_AHEAD_S: Final = 2.0


class RecordingPlayer:
    """Plays one recording at a time; everything here happens in the main thread, but for reading and decoding."""

    def __init__(
        self,
        recordings: StoredRecordings,
        listen_to: Callable[[int], None],
        post: Callable[[PlaybackProgressed], None],
    ) -> None:
        """Set up.

        Args:
            recordings: what there is to be played.
            listen_to: plays what comes out of a pipe (see PipeSource), in place of the one before; the read end that it
                is given is its to close, when it plays no more of that.
            post: takes how far the playing has come.
        """
        self._recordings = recordings
        self._listen_to = listen_to
        self._post = post
        self._playing: _Playing | None = None
        self._task: asyncio.Task[None] | None = None
        self._wishes = 0

    @property
    def recording_id(self) -> RecordingId | None:
        """What is played, None where nothing is."""
        return self._playing.recording_id if self._playing is not None else None

    async def play(self, recording_id: RecordingId, from_s: float) -> None:
        """Play a recording in place of the one before.

        Raises:
            StorageError: there is no such recording.
            MediaError: what decodes it is not installed.
        """
        self.stop()
        wish = self._wishes
        recording, reader = await self._recordings.read(recording_id), await self._recordings.open(recording_id)
        if recording is None or reader is None:
            raise StorageError("A recording that is to be played is gone; read the list of them again.")
        decoder = await asyncio.to_thread(make_decoder, recording.sound_format)
        if wish != self._wishes:
            return
        self._playing = playing = _Playing(recording_id, reader, decoder, recording.duration_s)
        playing.begin_at(from_s)
        self._listen_to(playing.queue.read_end)
        self._task = asyncio.get_running_loop().create_task(self._follow(playing), name="player")

    def pause(self) -> None:
        """Let what is played wait."""
        if (playing := self._playing) is not None:
            playing.queue.pause()
            self._report(playing)

    def resume(self) -> None:
        """Go on with what waits."""
        if (playing := self._playing) is not None:
            playing.queue.resume()
            self._report(playing)

    def seek(self, delta_s: float) -> None:
        """Go forward or back in what is played."""
        if (playing := self._playing) is not None:
            playing.begin_at(playing.at_s + delta_s)
            self._report(playing)

    def stop(self) -> None:
        """Give up what is played, or is about to be."""
        self._wishes += 1
        if (playing := self._playing) is not None:
            self._end(playing, Playback.STOPPED)

    async def close(self) -> None:
        """Give up what is played, and return when nothing goes on here."""
        self.stop()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _follow(self, playing: "_Playing") -> None:
        looks = 0
        while self._playing is playing:
            if playing.queue.is_given_up:
                self._end(playing, Playback.STOPPED)
                return
            await playing.fill()
            if self._playing is not playing:
                return
            if playing.is_over:
                self._end(playing, Playback.DAMAGED if playing.is_damaged else Playback.OVER)
                return
            if looks % _LOOKS_A_REPORT == 0:
                self._report(playing)
            looks += 1
            await asyncio.sleep(_LOOK_S)

    def _end(self, playing: "_Playing", playback: Playback) -> None:
        self._playing = None
        playing.queue.close()
        self._post(PlaybackProgressed(playing.recording_id, playing.at_s, playing.duration_s, playback))

    def _report(self, playing: "_Playing") -> None:
        playback = Playback.PAUSED if playing.queue.is_paused else Playback.PLAYING
        self._post(PlaybackProgressed(playing.recording_id, playing.at_s, playing.duration_s, playback))


class _Playing:
    """One recording that is being played.

    Attributes:
        queue: where it is heard from.
        is_damaged: it could be read so far and no further.
    """

    def __init__(
        self, recording_id: RecordingId, reader: RecordingReader, decoder: SoundDecoder, duration_s: float
    ) -> None:
        self.recording_id = recording_id
        self.duration_s = duration_s
        self.queue = SoundQueue()
        self.is_damaged = False
        self._reader = reader
        self._decoder = decoder
        self._began_at_s = 0.0
        self._sound: Iterator[bytes] = iter(())
        self._is_read = False

    @property
    def at_s(self) -> float:
        """How far it has come."""
        return min(self._began_at_s + self.queue.played_s, self.duration_s)

    @property
    def is_over(self) -> bool:
        """Whether all there is has been heard."""
        return self._is_read and not self.queue.queued_s

    def begin_at(self, at_s: float) -> None:
        """Leap to a moment, or to the end that is nearer."""
        self.queue.clear()
        self.is_damaged = self._is_read = False
        self._began_at_s = min(max(0.0, at_s), self.duration_s)
        self._sound = _sound_from(self._reader, self._decoder, self._began_at_s)

    async def fill(self) -> None:
        """Decode ahead of what is heard."""
        self.queue.feed()
        sound = self._sound
        while not self._is_read and self.queue.queued_s < _AHEAD_S:
            try:
                piece = await asyncio.to_thread(next, sound, None)
            except MediaError:
                piece = None
                self.is_damaged = True
            if sound is not self._sound:
                return
            if piece is None:
                self._is_read = True
                self.is_damaged = self.is_damaged or self._reader.ending is Ending.DAMAGED
            else:
                self.queue.put(piece)


def _sound_from(reader: RecordingReader, decoder: SoundDecoder, at_s: float) -> Iterator[bytes]:
    """Give a recording from a moment on, in pieces: mono, both sides as loud as they are."""
    samples_to_skip = round(at_s * SOUND_RATE_HZ)
    before: SoundChunk | None = None
    for chunk in reader:
        if samples_to_skip >= chunk.samples:
            samples_to_skip -= chunk.samples
            before = chunk
            continue
        if before is not None:
            # How a chunk begins depends on what came before it.
            decoder.decode(before.sound)
            before = None
        mono = audioop.tomono(decoder.decode(chunk.sound), _SAMPLE_BYTES, 1, 1)
        yield mono[_SAMPLE_BYTES * samples_to_skip : _SAMPLE_BYTES * chunk.samples]
        samples_to_skip = 0
