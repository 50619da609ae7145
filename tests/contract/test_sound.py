"""What every sound card does: the virtual one, null sinks through ALSA, and a real one."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import DeviceError
from drivers.sound import AlsaSoundCard
from firmware.ports.sound import CaptureStream, PlaybackStream, SoundCard
from provisioning.sound import Sound
from tests.fakes.sound_card import VirtualSoundCard
from tests.lab.priority import carrying_sound
from tests.lab.pulse import PulseAudio

# They play and listen.
pytestmark = pytest.mark.real

RATE_HZ = 16_000
PERIOD = 160
FRAME = bytes(2 * PERIOD)
# The kernel's own loop: what is played to one device is captured from the other.
_LOOP = ("plughw:CARD=Loopback,DEV=0", "plughw:CARD=Loopback,DEV=1")


def virtual_card(_pulse: Callable[[], PulseAudio], **options: Any) -> SoundCard:
    card = VirtualSoundCard(rate_hz=RATE_HZ, period_frames=PERIOD, **options)
    card.let_pass(3600)
    return card


def null_sinks(pulse: Callable[[], PulseAudio], **options: Any) -> SoundCard:
    pulse()
    return AlsaSoundCard(playback="ear", capture="mic_monitor", rate_hz=RATE_HZ, period_frames=PERIOD, **options)


def real_card(_pulse: Callable[[], PulseAudio], **options: Any) -> SoundCard:
    if not any(Path("/proc/asound").glob("card[0-9]*")):
        pytest.skip("needs a sound card")
    is_loop = Path("/proc/asound/Loopback").exists()
    sound = Sound(playback=_LOOP[0], capture=_LOOP[1]) if is_loop else Sound()
    return AlsaSoundCard(
        playback=sound.playback, capture=sound.capture, rate_hz=RATE_HZ, period_frames=PERIOD, **options
    )


CARDS = [
    pytest.param(virtual_card, id="virtual"),
    pytest.param(null_sinks, id="null sinks"),
    pytest.param(real_card, id="real", marks=pytest.mark.hardware),
]


@pytest.fixture(params=CARDS)
def make_card(request: pytest.FixtureRequest) -> Callable[..., SoundCard]:
    def pulse() -> PulseAudio:
        server: PulseAudio = request.getfixturevalue("pulse")
        return server

    make: Callable[..., SoundCard] = request.param
    return lambda **options: make(pulse, **options)


@pytest.fixture
def card(make_card: Callable[..., SoundCard]) -> SoundCard:
    return make_card()


@pytest.fixture
def capture(card: SoundCard) -> Iterator[CaptureStream]:
    stream = card.open_capture()
    yield stream
    stream.close()


@pytest.fixture(autouse=True)
def as_an_audio_thread() -> Iterator[None]:
    with carrying_sound():
        yield


@pytest.fixture
def playback(card: SoundCard) -> Iterator[PlaybackStream]:
    stream = card.open_playback()
    yield stream
    stream.close()


def test_it_says_what_it_was_asked_for(card: SoundCard) -> None:
    assert (card.rate_hz, card.period_frames, card.prefill_frames) == (RATE_HZ, PERIOD, 80)
    assert not card.has_mixer


def test_the_microphone_gives_whole_periods(capture: CaptureStream) -> None:
    assert {len(capture.read()) for _ in range(20)} == {len(FRAME)}
    assert capture.overruns == 0


def test_the_first_frame_is_queued_behind_the_prefill(make_card: Callable[..., SoundCard]) -> None:
    for prefill_frames in (PERIOD, 2 * PERIOD):
        stream = make_card(prefill_frames=prefill_frames).open_playback()
        stream.write(FRAME)
        # A card may already have begun to play, and one that asks in steps may report a period more.
        assert prefill_frames <= stream.queued_frames + PERIOD <= prefill_frames + 3 * PERIOD
        stream.close()


def test_waiting_keeps_the_queue_from_overflowing_and_from_running_dry(make_card: Callable[..., SoundCard]) -> None:
    # A second of silence: more than a busy machine keeps whoever carries sound waiting.
    with closing(make_card(prefill_frames=100 * PERIOD).open_playback()) as playback:
        for _ in range(200):
            playback.wait()
            playback.write(FRAME)
        assert playback.queued_frames > 0
        assert playback.underruns == 0


def test_frames_may_be_longer_or_shorter_than_a_period(make_card: Callable[..., SoundCard]) -> None:
    # Silence enough that none is late on a busy machine.
    with closing(make_card(prefill_frames=100 * PERIOD).open_playback()) as playback:
        for extra in (-1, 0, 1) * 10:
            playback.wait()
            playback.write(bytes(2 * (PERIOD + extra)))
        assert playback.underruns == 0


def test_streams_can_be_opened_again(card: SoundCard) -> None:
    for _ in range(3):
        capture, playback = card.open_capture(), card.open_playback()
        playback.write(capture.read())
        capture.close()
        playback.close()


def test_a_microphone_that_was_only_checked_is_shut_again(card: SoundCard) -> None:
    for _ in range(3):
        card.check_capture()
    capture = card.open_capture()
    assert len(capture.read()) == len(FRAME)
    capture.close()


def test_of_a_microphone_that_is_only_checked_nothing_is_read(pulse: PulseAudio, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    card = AlsaSoundCard(playback="ear", capture=f"tee:mic_monitor,{heard},raw", rate_hz=RATE_HZ, period_frames=PERIOD)
    card.check_capture()
    assert heard.read_bytes() == b""
    assert not pulse.recording()
    capture = card.open_capture()
    capture.read()
    capture.close()
    assert heard.read_bytes(), "what is read would have been seen"


def test_alsa_paces_both_directions_in_real_time(pulse: PulseAudio) -> None:
    card = AlsaSoundCard(playback="ear", capture="mic_monitor", rate_hz=RATE_HZ, period_frames=PERIOD)
    with carrying_sound(), closing(card.open_capture()) as capture, closing(card.open_playback()) as playback:
        for _ in range(20):
            capture.read()
            playback.write(FRAME)
        before = time.monotonic()
        for _ in range(100):
            capture.read()
        assert time.monotonic() - before == pytest.approx(1.0, abs=0.1)


def test_a_late_frame_is_an_underrun_that_repairs_itself(pulse: PulseAudio) -> None:
    # Silence enough that only the frame that is late here is late.
    card = AlsaSoundCard(
        playback="ear", capture="mic_monitor", rate_hz=RATE_HZ, period_frames=PERIOD, prefill_frames=30 * PERIOD
    )
    with closing(card.open_capture()) as clock, closing(card.open_playback()) as playback:
        playback.write(FRAME)
        for _ in range(60):
            clock.read()
        playback.write(FRAME)
        assert playback.underruns == 1
        playback.wait()
        playback.write(FRAME)
        assert playback.underruns == 1


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
@pytest.mark.parametrize("period_ms", [10, 20])
def test_every_rate_and_period_that_can_be_configured_opens(pulse: PulseAudio, rate_hz: int, period_ms: int) -> None:
    period = rate_hz * period_ms // 1000
    card = AlsaSoundCard(playback="ear", capture="mic_monitor", rate_hz=rate_hz, period_frames=period)
    with closing(card.open_capture()) as capture, closing(card.open_playback()) as playback:
        assert len(capture.read()) == 2 * period
        playback.write(bytes(2 * period))


@pytest.mark.parametrize(
    ("use", "direction", "program"),
    [
        (AlsaSoundCard.open_playback, "playback", "aplay -L"),
        (AlsaSoundCard.open_capture, "capture", "arecord -L"),
        (AlsaSoundCard.check_capture, "capture", "arecord -L"),
    ],
    ids=["playing", "recording", "checking"],
)
def test_a_card_that_is_not_there_is_named_with_what_to_do(
    pulse: PulseAudio, use: Callable[[AlsaSoundCard], object], direction: str, program: str
) -> None:
    card = AlsaSoundCard(playback="nowhere", capture="nowhere")
    with pytest.raises(DeviceError) as caught:
        use(card)
    message = str(caught.value)
    assert message.startswith(f"The sound card 'nowhere' cannot be opened for {direction}: No such file or directory.")
    assert f"[sound] {direction}" in message
    assert program in message


def test_a_rate_that_is_not_granted_is_an_error(pulse: PulseAudio) -> None:
    # ALSA grants the nearest rate that it has, without a word.
    card = AlsaSoundCard(playback="ear", capture="mic_monitor", rate_hz=500_000, period_frames=5000)
    with pytest.raises(DeviceError, match="a rate of 384000 instead of 500000"):
        card.open_playback()


def test_the_mixer_sets_the_cards_own_volume(pulse: PulseAudio) -> None:
    card = AlsaSoundCard(playback="ear", capture="mic_monitor", mixer_card="ear", mixer_element="Master")
    assert card.has_mixer
    card.set_volume(40)
    assert pulse.volume_percent("ear") == pytest.approx(40, abs=1)
    card.set_volume(100)


def test_a_mixer_element_that_is_not_there_is_named_with_what_to_do(pulse: PulseAudio) -> None:
    card = AlsaSoundCard(mixer_card="ear", mixer_element="Trumpet")
    with pytest.raises(DeviceError, match=r"'Trumpet'.*amixer -D ear scontrols"):
        card.set_volume(40)
