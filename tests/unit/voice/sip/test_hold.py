import pytest

from firmware.voice.sip.hold import glare_delay_s


@pytest.mark.parametrize(("owns_call_id", "shortest_s", "longest_s"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_after_a_glare_each_side_waits_in_a_range_of_its_own(
    shortest_s: float, longest_s: float, *, owns_call_id: bool
) -> None:
    delays_s = {round(glare_delay_s(owns_call_id=owns_call_id), 3) for _ in range(2000)}
    assert shortest_s <= min(delays_s) < shortest_s + 0.2
    assert longest_s - 0.2 < max(delays_s) <= longest_s
    assert all(round(delay_s * 100) == pytest.approx(delay_s * 100) for delay_s in delays_s)
