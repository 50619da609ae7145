"""From when to when a question goes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from pydantic import AwareDatetime, BeforeValidator, Field

from fleet.api.answers import RequestMistakeError

MAX_SPAN: Final = timedelta(days=93)
"""What is counted by the hour, at most: a quarter of a year."""

_DEFAULT_SPAN: Final = timedelta(days=7)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _no_number(text: Any) -> Any:
    if not (isinstance(text, str) and _RFC_3339.fullmatch(text)):
        raise ValueError("write it as 2026-03-10T12:00:00Z, or with +08:00 (in an address %2B08:00) in place of the Z")
    return text


_Moment = Annotated[AwareDatetime, Field(ge=_FIRST, le=_LAST), BeforeValidator(_no_number)]

From = Annotated[_Moment | None, Query(alias="from", description="Started then or later; RFC 3339 with its zone.")]
To = Annotated[_Moment | None, Query(alias="to", description="Started before; RFC 3339 with its zone.")]


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
        raise RequestMistakeError("query.from", "It has to be before `to`.")
    if until - since > MAX_SPAN:
        raise RequestMistakeError(
            "query.from", f"It may be {MAX_SPAN.days} days before `to` at most: ask for less, or several times."
        )
    return Span(since.astimezone(UTC), until.astimezone(UTC))


AskedSpan = Annotated[Span, Depends(asked_span)]
