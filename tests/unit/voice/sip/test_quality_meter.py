from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final

import pytest

from firmware.phone.call import CallQuality
from firmware.voice.sip.native import UNTOLD, FarReport, Line
from firmware.voice.sip.quality_meter import (
    FarCount,
    FarEnd,
    FarLosses,
    QualityMeter,
    StreamCounts,
    Tally,
    counts_of,
    far_end_of,
)

PACKET_MS: Final = 20.0
CLEAN = StreamCounts(
    Tally(received=1000, heard_ms=1000 * PACKET_MS), jitter_ms=2.0, round_trip_ms=20.0, delay_ms=40.0, codec="G722"
)
LOSSY = replace(
    CLEAN,
    tally=Tally(received=900, late=50, missing=100, heard_ms=1000 * PACKET_MS, made_up_ms=150 * PACKET_MS, gaps=150),
)


def measured(counts: StreamCounts) -> CallQuality:
    quality = QualityMeter().measure(counts, encrypted=True)
    assert quality is not None
    return quality


def lossy(**tally: Any) -> StreamCounts:
    return replace(LOSSY, tally=replace(LOSSY.tally, **tally))


def test_packets_that_came_too_late_are_lost_too() -> None:
    quality = QualityMeter().measure(LOSSY, encrypted=True)
    assert quality is not None
    assert quality.loss_percent == pytest.approx(15)
    assert (quality.jitter_ms, quality.round_trip_ms, quality.codec, quality.encrypted) == (2.0, 20.0, "G722", True)


def test_loss_is_of_the_whole_call_though_hold_makes_new_streams() -> None:
    meter = QualityMeter()
    meter.stream_ended(LOSSY)
    quality = meter.measure(CLEAN, encrypted=False)
    assert quality is not None
    assert quality.loss_percent == pytest.approx(7.5)


def counted(codec: str, line: Line) -> StreamCounts:
    far = SimpleNamespace(pkt=500, loss=0, jitterUsec=SimpleNamespace(last=2000))
    rtcp = SimpleNamespace(rxStat=far, txStat=SimpleNamespace(pkt=500), rttUsec=SimpleNamespace(n=0))
    return counts_of(SimpleNamespace(rtcp=rtcp), SimpleNamespace(codecName=codec), line, None, None)


def test_streams_of_two_rates_count_by_how_long_they_were_heard() -> None:
    narrow = counted("PCMA", Line(rate_hz=8000, played=80_000, concealed=40_000, coarse=8000))
    wide = counted("opus", Line(rate_hz=16_000, played=160_000, coarse=32_000))
    both = narrow.tally + wide.tally
    assert (both.heard_ms, both.made_up_ms, both.from_fec_ms) == (20_000, 5000, 3000)
    assert both.percent_heard(both.made_up_ms) == 25


def test_a_stream_without_a_line_was_heard_for_no_time() -> None:
    assert counted("PCMA", Line()).tally == Tally(received=500)


def test_at_the_end_of_a_call_the_last_stream_that_was_heard_counts() -> None:
    meter = QualityMeter()
    meter.stream_ended(CLEAN)
    meter.stream_ended(replace(CLEAN, tally=Tally(), codec="PCMA", jitter_ms=0.0))
    quality = meter.measure(None, encrypted=False)
    assert quality is not None
    assert (quality.codec, quality.jitter_ms) == ("G722", 2.0)
    assert quality.mos > 4


def test_a_call_that_was_never_heard_has_no_opinion_score() -> None:
    quality = QualityMeter().measure(replace(CLEAN, tally=Tally()), encrypted=False)
    assert quality is not None
    assert (quality.mos, quality.loss_percent) == (0, 0)


def test_a_call_without_a_stream_has_no_quality() -> None:
    assert QualityMeter().measure(None, encrypted=False) is None


# --- what was repaired -----------------------------------------------------------------------------------------------


def test_what_a_redundant_copy_repaired_sounds_as_if_nothing_had_been_lost() -> None:
    repaired = measured(lossy(made_up_ms=0, gaps=0))
    assert repaired.mos == measured(CLEAN).mos
    assert repaired.loss_percent == pytest.approx(15)
    assert repaired.repaired_percent == pytest.approx(15)


def test_what_was_not_repaired_counts() -> None:
    partly = measured(lossy(made_up_ms=30 * PACKET_MS, gaps=30))
    assert partly.repaired_percent == pytest.approx(12)
    assert measured(LOSSY).mos < partly.mos < measured(CLEAN).mos
    assert measured(LOSSY).repaired_percent == 0


def test_fec_repairs_with_a_rougher_copy() -> None:
    by_fec = measured(lossy(made_up_ms=0, gaps=0, from_fec_ms=150 * PACKET_MS))
    assert by_fec.repaired_percent == pytest.approx(15)
    assert measured(LOSSY).mos < by_fec.mos < measured(CLEAN).mos


def test_bursts_cost_more_than_packets_that_are_lost_one_by_one() -> None:
    assert measured(lossy(gaps=50)).mos < measured(LOSSY).mos


def test_sound_that_was_made_up_without_a_loss_costs_too_and_repairs_nothing() -> None:
    stretched = measured(replace(CLEAN, tally=replace(CLEAN.tally, made_up_ms=50 * PACKET_MS, gaps=50)))
    assert (stretched.loss_percent, stretched.repaired_percent) == (0, 0)
    assert stretched.mos < measured(CLEAN).mos


# --- the far end -----------------------------------------------------------------------------------------------------


def test_a_far_end_that_tells_nothing_is_not_guessed_at() -> None:
    assert far_end_of(FarReport(mos_lq=UNTOLD, mos_cq=UNTOLD), None, sent=1000) is None
    assert far_end_of(None, None, sent=1000) is None
    assert (measured(CLEAN).far_loss_percent, measured(CLEAN).far_mos) == (None, None)


@pytest.mark.parametrize(("lost", "percent"), [(0, 0), (50, 5), (-3, 0), (5000, 100)])
def test_plain_reports_tell_what_the_line_lost(lost: int, percent: float) -> None:
    assert far_end_of(FarReport(reports=3), FarLosses(3, lost), sent=1000) == FarEnd(percent)


def test_before_anything_was_sent_reports_say_nothing() -> None:
    assert far_end_of(FarReport(reports=1), FarLosses(1, 0), sent=0) is None


@pytest.mark.parametrize(
    ("listening", "conversation", "mos"), [(41, 38, 4.1), (UNTOLD, 38, 3.8), (UNTOLD, UNTOLD, None)]
)
def test_voip_metrics_count_for_more_than_plain_reports(listening: int, conversation: int, mos: float | None) -> None:
    told = FarReport(metrics=1, loss_rate=64, discard_rate=32, mos_lq=listening, mos_cq=conversation)
    assert far_end_of(told, FarLosses(3, 900), sent=1000) == FarEnd(37.5, mos)


def test_what_the_far_end_told_last_is_told_of_the_call() -> None:
    meter = QualityMeter()
    meter.stream_ended(replace(CLEAN, far_end=FarEnd(9.0)))
    meter.stream_ended(replace(CLEAN, far_end=FarEnd(1.5, 4.2)))
    quality = meter.measure(None, encrypted=False)
    assert quality is not None
    assert (quality.far_loss_percent, quality.far_mos) == (1.5, 4.2)


def lost_after(count: FarCount, *reports: int) -> list[int]:
    """Return what a stream has lost after each of these counts."""
    read = [count.read(FarReport(reports=number, lost=lost)) for number, lost in enumerate(reports, 1)]
    return [losses.lost for losses in read if losses is not None]


@pytest.fixture
def count() -> FarCount:
    """Return the count of a far end that has lost 300 packets of a stream that is over."""
    count = FarCount()
    assert lost_after(count, 100, 290) == [100, 290]
    count.stream_ended(FarReport(reports=3, lost=300))
    return count


def test_a_far_end_that_counts_on_is_asked_what_the_new_stream_lost(count: FarCount) -> None:
    assert count.read(FarReport(lost=0)) is None
    assert count.read(None) is None
    assert count.read(FarReport(reports=2, lost=307)) == FarLosses(2, 7)


def test_a_far_end_that_counts_anew_is_believed_from_its_first_report_on(count: FarCount) -> None:
    assert lost_after(count, 4, 299, 310) == [4, 299, 310]


def test_packets_that_were_overtaken_are_no_count_that_begins_anew(count: FarCount) -> None:
    assert lost_after(count, 299, 298, 300) == [0, 0, 2]


def test_a_stream_that_nothing_was_told_about_leaves_the_count_as_it_was(count: FarCount) -> None:
    count.stream_ended(FarReport())
    count.stream_ended(None)
    assert lost_after(count, 301) == [1]


def test_packets_that_came_twice_make_a_count_below_none() -> None:
    assert lost_after(FarCount(), -1, -3) == [-1, -3]
