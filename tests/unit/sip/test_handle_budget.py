import pytest

from firmware.sip.handle_budget import HANDLES, HandleBudget
from firmware.sip.settings import SipSettings


@pytest.mark.parametrize(
    ("calls", "handles_per_call", "outgoing_calls"), [(1, 2, 6), (4, 2, 6), (8, 2, 6), (12, 2, 6), (4, 4, 3), (6, 4, 2)]
)
def test_nothing_that_may_happen_at_once_uses_up_the_handles(
    calls: int, handles_per_call: int, outgoing_calls: int
) -> None:
    budget = HandleBudget(calls=calls, handles_per_call=handles_per_call, outgoing_calls=outgoing_calls)
    assert budget.most_audio_handles < HANDLES
    assert budget.most_signalling_handles < HANDLES
    # A bucket that holds less than one token never lets anybody in.
    for allowance in (budget.server_invites, budget.server_host_invites, budget.stranger_invites):
        assert allowance.burst >= 1


def test_the_shipped_limits_leave_room_for_a_busy_line() -> None:
    budget = HandleBudget(calls=SipSettings.__dataclass_fields__["max_calls"].default)
    assert budget.server_invites.burst >= 5
    assert budget.connections >= 12


def test_more_calls_than_handles_are_refused() -> None:
    with pytest.raises(ValueError, match="Allow fewer calls"):
        HandleBudget(calls=8, handles_per_call=4)
