"""Requests about recordings of calls."""

from collections.abc import Callable
from typing import Final

from firmware.phone.requests.recordings import (
    DeleteRecording,
    FindRecordings,
    KeepRecording,
    ListRecordings,
    PausePlaying,
    PlayRecording,
    RecordingRow,
    RecordingsListed,
    ResumePlaying,
    SeekRecording,
    StopPlaying,
)
from firmware.services.dates import day_in_words, moment_in_words
from firmware.services.recording.player import RecordingPlayer
from firmware.services.runner import Handlers
from firmware.store.recording_files import RecordingState, StoredRecording
from firmware.store.recordings import NEW, StoredRecordings

_SECONDS_A_DAY: Final = 86_400


class RecordingErrands:
    """Lists, keeps, deletes and plays recordings."""

    def __init__(
        self,
        recordings: StoredRecordings,
        player: RecordingPlayer,
        *,
        language: Callable[[], str],
        clock: Callable[[], float | None],
    ) -> None:
        """Set up.

        Args:
            recordings: where they are kept.
            player: plays them, and posts how far that has come.
            language: which one the display speaks now.
            clock: seconds since the epoch, None while the clock may be wrong.
        """
        self._recordings = recordings
        self._player = player
        self._language = language
        self._clock = clock

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            ListRecordings: self._list,
            FindRecordings: self._find,
            DeleteRecording: self._delete,
            KeepRecording: self._keep,
            PlayRecording: self._play,
            PausePlaying: self._pause,
            ResumePlaying: self._resume,
            SeekRecording: self._seek,
            StopPlaying: self._stop,
        }

    async def _list(self, request: ListRecordings) -> RecordingsListed:
        total, recordings = await self._recordings.listed(request.first, request.limit, messages=request.messages)
        return RecordingsListed(
            request.first,
            total,
            tuple(self._row(recording) for recording in recordings),
            await self._recordings.size_bytes(),
            self._recordings.limits.limit_bytes,
            await self._recordings.unheard(),
        )

    async def _find(self, request: FindRecordings) -> tuple[RecordingRow, ...]:
        recordings = await self._recordings.of_call(request.call_id)
        return tuple(self._row(recording) for recording in recordings)

    async def _delete(self, request: DeleteRecording) -> None:
        if self._player.recording_id == request.recording_id:
            self._player.stop()
        await self._recordings.delete(request.recording_id)

    async def _keep(self, request: KeepRecording) -> None:
        now_s = self._clock()
        # By a clock that may be wrong a month could be over tomorrow: then it is kept for good.
        until = now_s + request.days * _SECONDS_A_DAY if request.days and now_s is not None else None
        await self._recordings.keep(request.recording_id, keep=request.keep, until=until)

    async def _play(self, request: PlayRecording) -> None:
        recording = await self._recordings.read(request.recording_id)
        await self._player.play(request.recording_id, request.from_s)
        if recording is not None and recording.message == NEW:
            await self._recordings.mark_heard(request.recording_id)

    async def _pause(self, _request: PausePlaying) -> None:
        self._player.pause()

    async def _resume(self, _request: ResumePlaying) -> None:
        self._player.resume()

    async def _seek(self, request: SeekRecording) -> None:
        self._player.seek(request.delta_s)

    async def _stop(self, _request: StopPlaying) -> None:
        self._player.stop()

    def _row(self, recording: StoredRecording) -> RecordingRow:
        language, until = self._language(), recording.kept_until
        return RecordingRow(
            recording_id=recording.recording_id,
            name=recording.name,
            number=recording.number,
            at=moment_in_words(recording.began_at, language),
            duration_s=recording.duration_s,
            size_bytes=recording.size_bytes,
            complete=recording.state is RecordingState.COMPLETE,
            kept=recording.kept,
            kept_until=day_in_words(until, language) if until is not None else "",
            running=recording.state is RecordingState.RUNNING,
            is_new=recording.message == NEW,
        )
