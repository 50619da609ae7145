"""From when to when a question goes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Query, status
from pydantic import AwareDatetime

MAX_SPAN: Final = timedelta(days=93)
"""What is counted by the hour, at most: a quarter of a year."""

_DEFAULT_SPAN: Final = timedelta(days=7)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)

From = Annotated[
    AwareDatetime | None,
    Query(alias="from", ge=_FIRST, le=_LAST, description="Started then or later; RFC 3339 with its zone."),
]
To = Annotated[
    AwareDatetime | None, Query(alias="to", ge=_FIRST, le=_LAST, description="Started before; RFC 3339 with its zone.")
]


@dataclass(frozen=True, slots=True)
class Span:
    """What started at `start` or later and before `end`."""

    start: datetime
    end: datetime


def asked_span(start: From = None, end: To = None) -> Span:
    """Make a span of what is asked for: by default the last seven days, never too long to count by the hour."""
    until = datetime.now(UTC) if end is None else end
    since = until - _DEFAULT_SPAN if start is None else start
    if since >= until:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, "`from` has to be before `to`.")
    if until - since > MAX_SPAN:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            f"From `from` to `to` may be {MAX_SPAN.days} days at most: ask for less, or several times.",
        )
    return Span(since.astimezone(UTC), until.astimezone(UTC))


AskedSpan = Annotated[Span, Depends(asked_span)]
