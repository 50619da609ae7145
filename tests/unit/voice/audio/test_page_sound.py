"""What is said to a paging group: packets in, sound out; from a network, so nothing but what has to be gets in."""

import audioop
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.voice.audio.page_sound import PageSound
from tests.lab.audio import Sound, level, tone

pytestmark = pytest.mark.feature("paging")

RATE_HZ, HEARD_HZ = 8000, 16_000
TONE_HZ = 700
PACKET_MS, BYTES = 20, 160
SPEAKER = 7
PERIOD_MS = 10


def packet(
    number: int, *, kind: int = 0, speaker: int = SPEAKER, payload: bytes = b"\xff" * BYTES, first: int = 0x80
) -> bytes:
    return struct.pack("!BBHII", first, kind, number % 0x10000, number * BYTES % 2**32, speaker) + payload


def speech(count: int, *, kind: int = 0, first_number: int = 0) -> list[bytes]:
    """A tone in so many packets."""
    pcm = tone([TONE_HZ], count * PACKET_MS / 1000, rate_hz=RATE_HZ).pcm
    coded = audioop.lin2ulaw(pcm, 2) if kind == 0 else audioop.lin2alaw(pcm, 2)
    return [
        packet(first_number + index, kind=kind, payload=coded[index * BYTES : (index + 1) * BYTES])
        for index in range(count)
    ]


def heard(sound: PageSound) -> bytes:
    """All that there is to be heard."""
    return b"".join(iter(lambda: sound.next_frame(PERIOD_MS), None))


@pytest.mark.parametrize("kind", [0, 8], ids=["mu-law", "A-law"])
@pytest.mark.parametrize("first_number", [0, 0xFFFA], ids=["from 0", "over the end of the numbers"])
def test_what_is_said_is_heard(kind: int, first_number: int) -> None:
    sound = PageSound()
    for each in speech(20, kind=kind, first_number=first_number):
        assert sound.take(each)
    pcm = heard(sound)
    assert len(pcm) == 2 * HEARD_HZ * 20 * PACKET_MS // 1000
    assert level(Sound.from_pcm(pcm, HEARD_HZ), TONE_HZ) > 3000


def test_a_marked_packet_is_one_like_others() -> None:
    assert PageSound().take(packet(0, kind=0x80))


def test_some_is_gathered_before_any_is_heard_and_again_once_it_ran_dry() -> None:
    sound = PageSound()
    first, second, third, *rest = speech(8)
    for each in (first, second):
        sound.take(each)
        assert sound.next_frame(PERIOD_MS) is None
    sound.take(third)
    assert len(heard(sound)) == 3 * 2 * 320
    sound.take(rest[0])
    assert sound.next_frame(PERIOD_MS) is None


def test_a_lost_packet_is_silence_of_its_length_and_a_late_one_is_left_out() -> None:
    packets = speech(10)
    sound = PageSound()
    for index in (0, 1, 2, 4, 3, 4, 5):
        assert sound.take(packets[index])
    pcm = heard(sound)
    assert len(pcm) == 6 * 2 * 320
    fourth = Sound.from_pcm(pcm, HEARD_HZ).between(0.062, 0.078)
    assert level(fourth, TONE_HZ) < 100


def test_after_a_long_gap_it_goes_on_where_the_speaker_is() -> None:
    sound = PageSound()
    for each in (*speech(3), *speech(3, first_number=5000)):
        sound.take(each)
    assert len(heard(sound)) == 6 * 2 * 320


def test_what_is_not_heard_in_time_is_bounded() -> None:
    sound = PageSound()
    for each in speech(200):
        sound.take(each)
    assert len(heard(sound)) == 2 * HEARD_HZ // 2


def test_one_speaker_is_listened_to() -> None:
    sound = PageSound()
    assert sound.take(packet(0))
    assert not sound.take(packet(1, speaker=8))


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        packet(0)[:11],
        packet(0, payload=b""),
        packet(0, payload=bytes(BYTES + 1)),
        packet(0, payload=bytes(7 * 80)),
        packet(0, first=0x40),
        packet(0, first=0xA0),
        packet(0, first=0x90),
        packet(0, first=0x81),
        packet(0, kind=9),
        packet(0, kind=101),
    ],
    ids=["nothing", "cut", "empty", "odd", "long", "version", "padding", "extension", "contributor", "G.722", "digits"],
)
def test_a_packet_that_is_not_just_as_it_has_to_be_is_dropped(bad: bytes) -> None:
    sound = PageSound()
    assert not sound.take(bad)
    for each in speech(3):
        assert sound.take(each)
        assert not sound.take(bad)


@given(st.lists(st.binary(max_size=600) | st.integers(0, 0xFFFF).map(packet), max_size=60))
def test_whatever_comes_is_taken_or_left(packets: list[bytes]) -> None:
    sound = PageSound()
    for each in packets:
        sound.take(each)
    assert len(heard(sound)) <= 2 * HEARD_HZ // 2


def test_what_is_given_up_is_not_heard() -> None:
    sound = PageSound()
    for each in speech(5):
        sound.take(each)
    sound.give_up()
    assert not heard(sound)
