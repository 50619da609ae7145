import pytest

from firmware.voice.sip.bridge import ConferenceBridge


@pytest.mark.parametrize(("rate_hz", "frame_ms", "samples"), [(16000, 10, 160), (8000, 20, 160), (48000, 10, 480)])
def test_without_the_library_the_bridge_is_silent(rate_hz: int, frame_ms: int, samples: int) -> None:
    bridge = ConferenceBridge(rate_hz, frame_ms)
    bridge.attach()
    assert (bridge.rate_hz, bridge.frame_samples) == (rate_hz, samples)
    assert bridge.exchange(b"\x01" * 2 * samples) == bytes(2 * samples)
    assert bridge.exchange(None) == bytes(2 * samples)


def test_a_frame_of_another_length_is_refused() -> None:
    bridge = ConferenceBridge(16000, 10)
    with pytest.raises(ValueError, match="320 bytes"):
        bridge.exchange(bytes(160))
