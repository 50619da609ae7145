"""What a phone that nobody uses says of its last calls: whom to call back, and why the one that was dialled failed."""

from typing import TYPE_CHECKING

from contract.calls import DisconnectReason
from firmware.phone.view import Mode

if TYPE_CHECKING:
    from firmware.phone.state import PhoneState

_AS_WANTED = frozenset(
    {
        DisconnectReason.LOCAL_HANGUP,
        DisconnectReason.REMOTE_HANGUP,
        DisconnectReason.CANCELLED,
        DisconnectReason.TRANSFERRED,
    }
)
"""Calls that end so have not failed."""


def failure(reason: DisconnectReason | None) -> DisconnectReason | None:
    """Return why a call failed; None where it did not."""
    return None if reason in _AS_WANTED else reason


def number_to_call_back(state: "PhoneState") -> str:
    """Return the newest missed call's number where the idle page tells of it and it may be called; empty otherwise.

    Whoever called has chosen that number: one that is a feature code here changes no setting.
    """
    features, settings = state.features, state.settings
    is_shown = state.missed_calls and features.refusal is None and features.auto_redial is None
    number = features.missed.number if features.missed is not None else ""
    is_number = settings.dial_plan.accepts(number) and settings.feature_codes.read(number, settings.dial_plan) is None
    return number if is_shown and state.can_call and not state.helps_only and is_number else ""


def why_last_failed(state: "PhoneState") -> DisconnectReason | None:
    """Return why the last call failed, while its number waits to be called again; None otherwise."""
    waits = state.mode is Mode.COLLECTING_DIGITS and not state.engaged and state.digits == state.last_dialled
    return state.features.why_failed if waits else None
