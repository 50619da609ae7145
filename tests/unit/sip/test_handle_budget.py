import pytest
from annotated_types import Le

from firmware.sip.handle_budget import HANDLES, HandleBudget
from firmware.sip.settings import SipSettings
from provisioning.calling import Calls
from provisioning.errors import ProvisioningError
from provisioning.schema import MAX_CALLS_WITH_RELAY, parse_configuration


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


def test_every_number_of_calls_that_may_be_configured_fits() -> None:
    most = max(meta.le for meta in Calls.model_fields["max_calls"].metadata if isinstance(meta, Le))
    # The stack takes one call more than the phone keeps.
    assert HandleBudget.shared(most + 1, with_relay=False).server_invites.burst >= 1
    assert HandleBudget.shared(MAX_CALLS_WITH_RELAY + 1, with_relay=True).server_invites.burst >= 1
    with pytest.raises(ProvisioningError, match=r"mistake"):
        parse_configuration(
            "[device]\nid = 'a'\n[[accounts]]\nusername = 'a'\ndomain = 'b'\n[nat]\nturn_server = 'c'\n"
            "[calls]\nmax_calls = 6\n"
        )
