"""What makes a call one that was missed, received or dialled: conditions on the rows of the call log."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from contract.calls import CallDirection
from firmware.phone.call import MISSED_DECISIONS, NOT_MISSED, Decision
from firmware.phone.requests.calls import CallKind


def _quoted(values: Iterable[StrEnum]) -> str:
    return ", ".join(f"'{value}'" for value in values)


# Whom the answering machine has answered was missed all the same.
_UNTALKED: Final = f"(answered_at IS NULL OR decision IS '{Decision.MESSAGE_TAKEN}')"

KINDS: Final = {
    CallKind.ALL: "TRUE",
    CallKind.MISSED: (
        f"direction = '{CallDirection.INCOMING}' AND {_UNTALKED} AND reason IS NOT NULL AND CASE WHEN decision "
        f"IS NULL THEN reason NOT IN ({_quoted(NOT_MISSED)}) ELSE decision IN ({_quoted(MISSED_DECISIONS)}) END"
    ),
    CallKind.RECEIVED: f"direction = '{CallDirection.INCOMING}' AND NOT {_UNTALKED}",
    CallKind.DIALLED: f"direction = '{CallDirection.OUTGOING}'",
}
"""SQL by the kind of call, from nothing but the constants above."""
