"""What the sound driver makes of ALSA's rarer answers, with a pipe in place of a PCM's descriptor."""

import errno
import os
import select
from collections.abc import Iterator

import pytest

from drivers import sound
from drivers.errors import DeviceError
from drivers.sound import AlsaCapture, AlsaPlayback, AlsaSoundCard

PERIOD = 4


class ScriptedPcm:
    """Answers reads, writes and questions for room from lists; ready for as long as there is something to read."""

    def __init__(self) -> None:
        self.reads: list[tuple[int, bytes]] = []
        self.writes: list[int] = []
        self.written: list[bytes] = []
        self.free = 0
        self._reader, self._writer = os.pipe()
        os.write(self._writer, b".")

    def polldescriptors(self) -> list[tuple[int, int]]:
        return [(self._reader, select.POLLIN)]

    def polldescriptors_revents(self, events: list[tuple[int, int]]) -> int:
        return events[0][1]

    def info(self) -> dict[str, int]:
        return {"buffer_size": 4 * PERIOD}

    def read(self) -> tuple[int, bytes]:
        return self.reads.pop(0) if self.reads else (0, b"")

    def write(self, frames: bytes) -> int:
        answer = self.writes.pop(0) if self.writes else len(frames) // 2
        if answer > 0:
            self.written.append(frames)
        return answer

    def avail(self) -> int:
        return self.free

    def fall_silent(self) -> None:
        os.read(self._reader, 1)

    def drop(self) -> None:
        pass

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


@pytest.fixture
def pcm() -> Iterator[ScriptedPcm]:
    pcm = ScriptedPcm()
    yield pcm
    pcm.close()


def test_making_a_card_opens_nothing() -> None:
    AlsaSoundCard(playback="nowhere", capture="nowhere", mixer_card="nowhere")


def test_short_reads_become_whole_periods(pcm: ScriptedPcm) -> None:
    capture = AlsaCapture(pcm, "scripted", PERIOD)
    pcm.reads = [(3, b"aabbcc"), (3, b"ddeeff"), (2, b"gghh")]
    assert capture.read() == b"aabbccdd"
    assert capture.read() == b"eeffgghh"


def test_an_overrun_is_counted_and_recording_goes_on(pcm: ScriptedPcm) -> None:
    capture = AlsaCapture(pcm, "scripted", PERIOD)
    pcm.reads = [(1, b"aa"), (-errno.EPIPE, b""), (0, b""), (4, b"bbccddee")]
    assert capture.read() == b"bbccddee"
    assert capture.overruns == 1


def test_a_microphone_that_stops_is_an_error(pcm: ScriptedPcm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "_STALL_TIMEOUT_MS", 10)
    capture = AlsaCapture(pcm, "scripted", PERIOD)
    pcm.fall_silent()
    with pytest.raises(DeviceError, match="'scripted' has stopped recording"):
        capture.read()


def test_an_earpiece_that_stops_is_an_error(pcm: ScriptedPcm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "_STALL_TIMEOUT_MS", 10)
    playback = AlsaPlayback(pcm, "scripted", PERIOD, prefill_frames=4)
    pcm.fall_silent()
    with pytest.raises(DeviceError, match="'scripted' has stopped playing"):
        playback.wait()


def test_silence_is_queued_ahead_of_the_first_frame_only(pcm: ScriptedPcm) -> None:
    playback = AlsaPlayback(pcm, "scripted", PERIOD, prefill_frames=8)
    playback.write(b"aabbccdd")
    playback.write(b"eeffgghh")
    assert pcm.written == [bytes(16), b"aabbccdd", b"eeffgghh"]


def test_an_underrun_is_prefilled_again(pcm: ScriptedPcm) -> None:
    playback = AlsaPlayback(pcm, "scripted", PERIOD, prefill_frames=4)
    playback.write(b"aabbccdd")
    pcm.writes = [-errno.EPIPE]
    playback.write(b"eeffgghh")
    assert pcm.written[-2:] == [bytes(8), b"eeffgghh"]
    assert playback.underruns == 1


def test_after_an_underrun_there_is_room_and_nothing_queued(pcm: ScriptedPcm) -> None:
    playback = AlsaPlayback(pcm, "scripted", PERIOD, prefill_frames=4)
    pcm.free = -errno.EPIPE
    playback.wait()
    assert playback.queued_frames == 0


def test_a_card_that_is_gone_is_an_error(pcm: ScriptedPcm) -> None:
    playback = AlsaPlayback(pcm, "scripted", PERIOD, prefill_frames=4)
    pcm.free = -errno.ENODEV
    with pytest.raises(DeviceError, match="'scripted' is gone"):
        playback.wait()
