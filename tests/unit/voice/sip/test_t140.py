"""Text in packets, and out of them whatever becomes of them on the way (RFC 4103, ITU-T T.140)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.voice.sip.t140 import LOST, WAIT_S, Receiver, Sender
from tests.lab.redundancy import redundant

pytestmark = pytest.mark.feature("real-time text")

T140 = 98
FIRST = 65_530  # sequence numbers begin anew soon
BYTES = 200  # of a block


def receiver() -> Receiver:
    made = Receiver()
    made.kind = T140
    return made


def sender(depth: int = 2) -> Sender:
    made = Sender()
    made.agree(T140, depth)
    return made


def packets_of(text: str, depth: int = 2, letters: int = 2) -> list[bytes]:
    """Return the packets that a text comes to, so many letters at a time."""
    made, packets = sender(depth), []
    for at in range(0, len(text), letters):
        made.write(text[at : at + letters])
        packets.append(made.packet(300)[0])
    while made.has_more:
        packets.append(made.packet(300)[0])
    return packets


def read(packets: list[tuple[int, bytes]], *, repeats: bool = True) -> str:
    made = receiver()
    text = "".join(made.take((FIRST + place) % 65_536, packet, 0.0, repeats=repeats) for place, packet in packets)
    while made.waits_until_s is not None:
        text += made.wait_over(made.waits_until_s)
    return text


@pytest.mark.parametrize("depth", range(5))
def test_what_is_written_is_read(depth: int) -> None:
    text = "Grüße an 张伟\nund 🙂!"
    assert read(list(enumerate(packets_of(text, depth))), repeats=depth > 0) == text


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_as_many_packets_in_a_row_as_are_repeated_may_be_lost(depth: int) -> None:
    text = "abcdefghijklmnopqrstuvwxyz"
    packets = list(enumerate(packets_of(text, depth)))
    for lost in range(1, len(packets) - depth):
        assert read(packets[:lost] + packets[lost + depth :]) == text


def test_one_more_leaves_a_sign_and_costs_no_more_than_was_in_it() -> None:
    packets = list(enumerate(packets_of("abcdefghij", 1)))
    assert read(packets[:1] + packets[3:]) == f"ab{LOST}efghij"


def test_what_is_missing_is_waited_for_and_no_longer_than_a_second() -> None:
    made = receiver()
    packets = packets_of("abcdef", 0)
    assert made.take(1, packets[0], 10.0, repeats=False) == "ab"
    assert made.take(3, packets[2], 10.0, repeats=False) == ""
    assert made.wait_over(10.0 + WAIT_S - 0.01) == ""
    assert made.take(2, packets[1], 10.5, repeats=False) == "cdef"
    assert made.waits_until_s is None
    assert made.take(5, b"x", 11.0, repeats=False) == ""
    assert made.wait_over(11.0 + WAIT_S) == f"{LOST}x"


def test_a_packet_that_comes_twice_or_late_is_read_once() -> None:
    packets = list(enumerate(packets_of("abcdefgh")))
    random.Random(7).shuffle(packets)
    assert read(sorted(packets * 2, key=lambda each: each[0] // 3)) == "abcdefgh"


def test_a_sender_that_begins_anew_is_read_on() -> None:
    made = receiver()
    assert made.take(40_000, b"old ", 0.0, repeats=False) == "old "
    assert made.take(7, b"new", 0.0, repeats=False) == "new"


def test_a_letter_may_be_cut_by_the_edge_of_a_packet() -> None:
    letter = "张".encode()
    assert read([(0, letter[:1]), (1, letter[1:])], repeats=False) == "张"
    assert read([(0, letter[:1]), (2, letter[1:] + b"a")], repeats=False) == f"{LOST}{LOST}{LOST}a"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a\r\nb\u2028c\rd", "a\nb\nc\nd"),
        ("teh\b\bhe", "teh\b\bhe"),
        ("\ufeffding\a dong\x00\x7f", "ding dong"),
        ("\x1b[31mred\x9b0m and \x1baplain", "red and plain"),
        ("a\x98some application's\x9cb", "ab"),
        ("\u202eevil\u2069\u200b", "evil"),
        ("no\u00a0break\tor tab", "no breakor tab"),
    ],
)
def test_a_display_gets_letters_line_ends_and_backspaces_alone(sent: str, shown: str) -> None:
    assert read([(0, sent.encode())], repeats=False) == shown


def test_a_control_without_an_end_takes_no_more_than_a_line_with_it() -> None:
    assert read([(0, ("\x98" + "x" * 300 + "there").encode())], repeats=False).endswith("xthere")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xe2",
        b"\xe2\x00\x00",
        bytes.fromhex("e2000004") + b"\x62abc",  # longer than there is
        redundant([(300, b"a")], b"b", T140 + 1),
        redundant([(300, b"a")] * 20, b"b", T140),
        b"\xe2\x00\x00\x00" * 3,
    ],
)
def test_a_packet_that_is_wrong_is_left_out_whole(payload: bytes) -> None:
    made = receiver()
    assert made.take(1, b"a", 0.0, repeats=False) == "a"
    assert made.take(2, payload, 0.0, repeats=True) == ""
    assert made.take(2, b"b", 0.0, repeats=False) == "b"


def test_a_block_holds_whole_letters_and_a_packet_fits_on_any_line() -> None:
    text = "张" * 1000
    packets = packets_of(text, 4, 1000)
    assert max(map(len, packets)) <= 5 * BYTES + 17
    assert read(list(enumerate(packets))) == text


def test_what_was_sent_too_long_ago_is_not_repeated() -> None:
    made = sender()
    made.write("a")
    made.packet(0)
    made.write("b")
    payload, _ = made.packet(20_000)
    assert read([(0, payload)]) == "b"


def test_a_packet_after_a_silence_repeats_nothing() -> None:
    made = sender()
    made.write("a")
    made.packet(300)
    assert made.repeats_something
    while made.has_more:
        made.packet(300)
    assert not made.repeats_something


@given(st.lists(st.tuples(st.integers(0, 65_535), st.binary(max_size=60), st.booleans(), st.floats(0, 3)), max_size=40))
def test_nothing_that_anybody_sends_does_any_harm(packets: list[tuple[int, bytes, bool, float]]) -> None:
    made, now_s = receiver(), 0.0
    for sequence, payload, repeats, later_s in packets:
        now_s += later_s
        text = made.take(sequence, payload, now_s, repeats=repeats) + made.wait_over(now_s)
        assert all(letter in "\b\n" or letter.isprintable() for letter in text)


@given(st.text(max_size=60), st.integers(1, 4), st.randoms(use_true_random=False))
def test_a_line_that_loses_no_more_than_is_repeated_loses_no_letter(
    text: str, depth: int, chance: random.Random
) -> None:
    packets = list(enumerate(packets_of(text, depth)))
    left: list[tuple[int, bytes]] = []
    for each in packets:
        if chance.random() > 0.5 or each[0] - (left[-1][0] if left else -1) > depth or each is packets[-1]:
            left.append(each)
    assert read(left) == read(packets)
