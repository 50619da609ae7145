"""What makes a call one that was missed, received or dialled: conditions on the rows of the call log."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from contract.calls import CallDirection, DisconnectReason
from firmware.phone.call import Decision
from firmware.phone.requests.calls import CallKind

_NOT_MISSED: Final = (
    DisconnectReason.REJECTED,
    DisconnectReason.FORWARDED,
    DisconnectReason.TRANSFERRED,
)
"""How an unanswered incoming call ends when the person here ended it, or somebody else took it."""

_MISSED_DECISIONS: Final = (
    Decision.DO_NOT_DISTURB,
    Decision.OUT_OF_HOURS,
    Decision.NOT_ON_ALLOW_LIST,
    Decision.PHONE_BUSY,
)
"""Why the handset turned a caller away whom the person would have wanted at another time."""


def _quoted(values: Iterable[StrEnum]) -> str:
    return ", ".join(f"'{value}'" for value in values)


KINDS: Final = {
    CallKind.ALL: "TRUE",
    CallKind.MISSED: (
        f"direction = '{CallDirection.INCOMING}' AND answered_at IS NULL AND reason IS NOT NULL AND CASE WHEN decision "
        f"IS NULL THEN reason NOT IN ({_quoted(_NOT_MISSED)}) ELSE decision IN ({_quoted(_MISSED_DECISIONS)}) END"
    ),
    CallKind.RECEIVED: f"direction = '{CallDirection.INCOMING}' AND answered_at IS NOT NULL",
    CallKind.DIALLED: f"direction = '{CallDirection.OUTGOING}'",
}
"""SQL by the kind of call, from nothing but the constants above."""
