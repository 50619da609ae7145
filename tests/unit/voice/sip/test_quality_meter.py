from dataclasses import replace

import pytest

from firmware.voice.sip.quality_meter import QualityMeter, StreamCounts

CLEAN = StreamCounts(received=1000, lost=0, missing=0, jitter_ms=2.0, round_trip_ms=20.0, delay_ms=40.0, codec="G722")
LOSSY = replace(CLEAN, received=900, lost=150, missing=100)


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


def test_at_the_end_of_a_call_the_last_stream_that_was_heard_counts() -> None:
    meter = QualityMeter()
    meter.stream_ended(CLEAN)
    meter.stream_ended(replace(CLEAN, received=0, codec="PCMA", jitter_ms=0.0))
    quality = meter.measure(None, encrypted=False)
    assert quality is not None
    assert (quality.codec, quality.jitter_ms) == ("G722", 2.0)
    assert quality.mos > 4


def test_a_call_that_was_never_heard_has_no_opinion_score() -> None:
    quality = QualityMeter().measure(replace(CLEAN, received=0), encrypted=False)
    assert quality is not None
    assert (quality.mos, quality.loss_percent) == (0, 0)


def test_a_call_without_a_stream_has_no_quality() -> None:
    assert QualityMeter().measure(None, encrypted=False) is None
