"""What the other end tells by RTCP is read where all of it is right, and not at all where anything in it is wrong."""

import ctypes
import random
import struct
from typing import Any, Final

import pytest

from firmware.voice.sip import native
from firmware.voice.sip.native import FarReport
from tests.lab import chance
from tests.lab.brink import BRINK
from tests.lab.reports import (
    EXTENDED,
    RECEIVER,
    UNTOLD,
    block,
    description,
    extended_report,
    metrics,
    packet,
    receiver_report,
    sender_report,
)

FAR, OURS, OTHERS = 0xFA12FA12, 0x0CEA0CEA, 0x11223344
BLOCK: Final = block(OURS, 26, 100, 0x10203)
METRICS: Final = metrics(OURS, (5, 6, 7, 8), (41, 39))
PLAIN_NEWS: Final = {"reports": 1, "lost": 100, "told": 1, "highest": 0x10203}
NEWS: Final = PLAIN_NEWS | {"metrics": 1, "loss_rate": 5, "discard_rate": 6, "mos_lq": 41, "mos_cq": 39}
GOOD: Final = sender_report(FAR, BLOCK) + description(FAR) + extended_report(FAR, METRICS)


def values(report: FarReport) -> dict[str, int]:
    return {name: getattr(report, name) for name, _ in FarReport._fields_}


def read(compound: bytes, into: FarReport | None = None) -> dict[str, int] | None:
    """Return what is known after a packet, None where nothing was read."""
    report = into or FarReport()
    before = values(report)
    taken = native.library().wecall_report_read(BRINK.put(compound), len(compound), OURS, ctypes.byref(report))
    if not taken:
        assert values(report) == before
    return values(report) if taken else None


def told(compound: bytes) -> dict[str, int]:
    """Return what a packet changes where nothing was known."""
    return {name: value for name, value in (read(compound) or {}).items() if value}


def test_all_that_is_told_about_our_stream_is_read() -> None:
    assert told(GOOD) == NEWS


@pytest.mark.parametrize("first", [sender_report, receiver_report])
def test_a_report_alone_is_enough(first: Any) -> None:
    assert told(first(FAR, BLOCK)) == PLAIN_NEWS


@pytest.mark.parametrize("lost", [0, 1, 0x7FFFFF, -1, -0x800000])
def test_lost_packets_are_fewer_than_none_where_they_came_twice(lost: int) -> None:
    assert (read(receiver_report(FAR, block(OURS, 0, lost))) or {})["lost"] == lost


def test_what_is_told_about_other_streams_is_not_taken_for_ours() -> None:
    others = receiver_report(FAR, block(OTHERS, 255, 9, 9)) + extended_report(FAR, metrics(OTHERS, (1, 1, 1, 1)))
    assert read(others) is not None
    assert told(others) == {}
    among = receiver_report(FAR, block(OTHERS, 255, 9, 9), BLOCK) + extended_report(FAR, metrics(OTHERS), METRICS)
    assert told(among) == NEWS


def test_the_newest_counts_and_what_it_leaves_out_stays() -> None:
    report = FarReport()
    read(GOOD, report)
    assert read(receiver_report(FAR, block(OURS, 1, 101, 9)), report) == NEWS | {
        "reports": 2, "lost": 101, "told": 2, "highest": 9, "far_sent": 0, "sent": 0, "received": 0,
    }  # fmt: skip


@pytest.mark.parametrize("blocks", [(), (block(0),)], ids=["nobody is listed", "as pjproject lists nobody"])
def test_whoever_has_heard_nobody_says_so(blocks: tuple[bytes, ...]) -> None:
    assert told(receiver_report(FAR, *blocks)) == {"told": 1}


def test_how_many_packets_a_peer_has_sent_is_read_of_its_sender_reports_alone() -> None:
    report = FarReport()
    read(sender_report(FAR, BLOCK, sent=500), report)
    assert read(receiver_report(FAR, BLOCK), report) == values(report) | {"far_sent": 500}


def test_other_blocks_of_extended_reports_are_passed_over() -> None:
    reference_time = struct.pack("!BBHQ", 4, 0, 2, 1)
    assert told(receiver_report(FAR, BLOCK) + extended_report(FAR, reference_time, METRICS, reference_time)) == NEWS


@pytest.mark.parametrize("tenths", [0, 9, 51, 126, 128, 255])
def test_an_opinion_that_is_not_on_the_scale_is_not_told(tenths: int) -> None:
    found = told(receiver_report(FAR) + extended_report(FAR, metrics(OURS, opinions=(tenths, 50))))
    assert (found["mos_lq"], found["mos_cq"]) == (UNTOLD, 50)


@pytest.mark.parametrize("padding", [4, 8, 252])
def test_the_last_packet_may_be_padded(padding: int) -> None:
    report = struct.pack("!I", FAR) + METRICS
    assert told(receiver_report(FAR, BLOCK) + packet(EXTENDED, report, padding=padding)) == NEWS


SENT: Final = struct.pack("!I", FAR)
WRONG: Final = {
    "nothing": b"",
    "one byte": b"\x80",
    "no sender": packet(RECEIVER, b""),
    "half a word more": GOOD + b"\x80\xc9",
    "a header more": GOOD + packet(RECEIVER, b""),
    "another version": packet(RECEIVER, SENT + BLOCK, 1, version=1),
    "RTP": packet(8, SENT + BLOCK, 1),
    "no report first": extended_report(FAR, METRICS) + receiver_report(FAR, BLOCK),
    "extended alone": extended_report(FAR, METRICS),
    "a description first": description(FAR) + receiver_report(FAR, BLOCK),
    "more blocks than there are": packet(RECEIVER, SENT + BLOCK, 2),
    "a report within padding": packet(RECEIVER, SENT, 1, padding=24),
    "padding before more": packet(RECEIVER, SENT + BLOCK, 1, padding=4) + extended_report(FAR, METRICS),
    "padding of none": packet(RECEIVER, SENT + BLOCK, 1, padding=4)[:-1] + b"\0",
    "padding of half a word": packet(RECEIVER, SENT + BLOCK, 1, padding=4)[:-1] + b"\2",
    "padding that is all": packet(RECEIVER, SENT, padding=4)[:-1] + b"\x08",
    "an extended report of another": receiver_report(FAR, BLOCK) + extended_report(OTHERS, METRICS),
    "metrics that are short": receiver_report(FAR, BLOCK) + extended_report(FAR, b"\7\0\0\7" + METRICS[4:32]),
    "metrics that are long": receiver_report(FAR, BLOCK) + extended_report(FAR, b"\7\0\0\x09" + METRICS[4:] + bytes(4)),
    "metrics that end later": receiver_report(FAR, BLOCK) + extended_report(FAR, METRICS[:32]),
    "a block that ends later": receiver_report(FAR, BLOCK) + extended_report(FAR, METRICS, b"\4\0\0\2\0\0\0\0"),
    "no shortest gap": receiver_report(FAR, BLOCK) + extended_report(FAR, metrics(OURS, shortest_gap=0)),
    "two blocks of metrics": receiver_report(FAR, BLOCK) + extended_report(FAR, METRICS, METRICS),
    "two extended reports": receiver_report(FAR, BLOCK) + extended_report(FAR, METRICS) * 2,
    "two report blocks": receiver_report(FAR, BLOCK, BLOCK),
}


def test_where_anything_is_wrong_nothing_is_read(subtests: pytest.Subtests) -> None:
    for case, compound in WRONG.items():
        with subtests.test(case=case):
            assert read(compound) is None


def test_what_is_cut_off_is_read_only_where_a_packet_ends(subtests: pytest.Subtests) -> None:
    for length in range(len(GOOD)):
        with subtests.test(length=length):
            ends = {len(sender_report(FAR, BLOCK)), len(sender_report(FAR, BLOCK) + description(FAR))}
            assert (read(GOOD[:length]) is not None) == (length in ends)


def mutated(rng: random.Random) -> bytes:
    """Return a good packet with a few bytes changed, taken out or put in."""
    compound = bytearray(rng.choice((GOOD, GOOD, GOOD[:52], rng.randbytes(rng.randrange(300)))))
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(compound) + 1)
        change = rng.randrange(3)
        if change == 0 and at < len(compound):
            compound[at] = rng.choice((0, 1, 7, 8, 31, 127, 255, rng.randrange(256)))
        elif change == 1:
            del compound[at : at + rng.choice((1, 4, 24))]
        else:
            compound[at:at] = rng.randbytes(rng.choice((1, 4, 36)))
    return bytes(compound)


@pytest.mark.timeout(300)
@pytest.mark.soak
def test_whatever_comes_is_read_within_its_bounds_and_gives_values_that_can_be() -> None:
    rng = chance.dice()
    read_at_all = 0
    for _ in range(chance.counted(1_000_000, 20_000)):
        compound = mutated(rng)
        report = FarReport(mos_lq=UNTOLD, mos_cq=UNTOLD)
        found = read(compound, report)
        if found is None:
            continue
        read_at_all += 1
        assert found["reports"] <= 1
        assert found["metrics"] <= 1
        assert -0x800000 <= found["lost"] <= 0x7FFFFF
        assert all(found[rate] <= 255 for rate in ("loss_rate", "discard_rate"))
        assert all(found[name] == UNTOLD or 10 <= found[name] <= 50 for name in ("mos_lq", "mos_cq"))
    assert read_at_all > 1000


# --- by stream -------------------------------------------------------------------------------------------------------


def known(stream: int) -> dict[str, int] | None:
    report = FarReport()
    return values(report) if native.library().wecall_report_get(stream, ctypes.byref(report)) else None


def test_a_stream_begins_with_nothing_told_and_is_forgotten_at_its_end() -> None:
    stream = 0x1000
    assert known(stream) is None
    native.library().wecall_report_begin(stream)
    begun = known(stream)
    assert begun is not None
    assert {name: value for name, value in begun.items() if value} == {"mos_lq": UNTOLD, "mos_cq": UNTOLD}
    native.library().wecall_report_end(stream)
    assert known(stream) is None


def test_more_streams_than_there_are_places_for_are_not_kept_and_harm_none() -> None:
    streams = [0x1000 * number for number in range(1, 101)]
    for stream in streams:
        native.library().wecall_report_begin(stream)
    kept = [stream for stream in streams if known(stream) is not None]
    for stream in streams:
        native.library().wecall_report_end(stream)
    assert kept == streams[:64]
    assert not any(map(known, streams))
