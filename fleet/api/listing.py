"""Rows in an order by which one can go on, as pages or as a CSV file."""

import base64
import binascii
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Generic

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Engine, FromClause, RowMapping, Select, literal, select, tuple_, union_all

from fleet.api.answers import RequestMistakeError
from fleet.api.models import Page, Row
from fleet.api.service import At

MAX_ROWS: Final = 5000
_CHUNK_ROWS: Final = 2000
_MAX_PARTS: Final = 50

_MOMENT = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC))]
_KEY_TYPES: Final[dict[type, TypeAdapter[Any]]] = {
    str: TypeAdapter(Annotated[str, Field(max_length=64, pattern=r"^[!-~]*$")]),
    int: TypeAdapter(Annotated[int, Field(ge=0, lt=2**53)]),
    datetime: TypeAdapter(_MOMENT),
    date: TypeAdapter(date),
}
"""What a place in each kind of column can be: nothing that a database would stumble over."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of the rows are asked for, and as what: a page of at most `limit` behind `after`, or a file."""

    engine: Engine
    after: str | None
    limit: int
    as_file: bool


_After = Annotated[
    str | None,
    Query(max_length=500, description="Where to go on: `next` of the answer before, with the same filters and order."),
]
_Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="Rows at most; a CSV file has all of them.")]


def _asked(default: int) -> Any:
    def asked(request: Request, service: At, after: _After = None, limit: _Limit = default) -> Asked:
        return Asked(service.engine, after, limit, wants_csv(request))

    return Depends(asked)


AHundred = Annotated[Asked, _asked(100)]
AThousand = Annotated[Asked, _asked(1000)]
"""What is asked for, with so many rows where nobody says how many."""

CSV_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "JSON a page at a time; with `Accept: text/csv` everything from `after` on as one file.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """One kind of rows.

    Attributes:
        source: where they come from; its columns have the names that the key has.
        key: the columns that give them an order and tell each from all others.
        model: what a row becomes.
        read: makes it; None where the columns have the names of the model's fields.
        descending: the largest key comes first.
    """

    source: FromClause
    key: tuple[str, ...]
    model: type[Row]
    read: Callable[[RowMapping], Row] | None = None
    descending: bool = False

    def answer(
        self,
        asked: Asked,
        conditions: Sequence[ColumnElement[bool]],
        name: str,
        *,
        parts: Sequence[ColumnElement[bool]] = (),
    ) -> Page[Row] | StreamingResponse:
        """Answer with a page, or with the file `name`.csv; see `rows`."""
        if asked.as_file:
            return self.file(asked.engine, conditions, asked.after, name, parts=parts)
        rows, place = self.rows(asked.engine, conditions, asked.after, asked.limit, parts=parts)
        return Page(rows=rows, next=place)

    def rows(
        self,
        engine: Engine,
        conditions: Sequence[ColumnElement[bool]],
        after: str | None,
        limit: int,
        *,
        parts: Sequence[ColumnElement[bool]] = (),
    ) -> tuple[tuple[Row, ...], str | None]:
        """Read a page: its rows, and where to go on, None where there is nothing more.

        Args:
            engine: the database.
            conditions: which rows.
            after: where the page before ended.
            limit: rows at most.
            parts: conditions each of which an index can put into order, and which together hold for every row; none
                where an index does so for all rows.

        Raises:
            RequestMistakeError: `after` is nothing that this kind of rows gave out.
        """
        asked = select(self.source).where(*conditions, *self._behind(after))
        if 1 < len(parts) <= _MAX_PARTS:
            first_of_each = (self._first(asked.where(part), self.source, limit + 1).subquery() for part in parts)
            together = union_all(*(select(each) for each in first_of_each)).subquery()
            statement = self._first(select(together), together, limit + 1)
        else:
            statement = self._first(asked, self.source, limit + 1)
        with engine.connect() as connection:
            found = connection.execute(statement).mappings().all()
        rows = tuple(self.read(row) if self.read else self.model.model_validate(dict(row)) for row in found[:limit])
        return rows, self._cursor(found[limit - 1]) if len(found) > limit else None

    def file(
        self,
        engine: Engine,
        conditions: Sequence[ColumnElement[bool]],
        after: str | None,
        name: str,
        *,
        parts: Sequence[ColumnElement[bool]] = (),
    ) -> StreamingResponse:
        """Answer with all rows as a CSV file, read a part at a time."""
        first = self.rows(engine, conditions, after, _CHUNK_ROWS, parts=parts)

        def lines() -> Iterator[str]:
            rows, place = first
            yield _csv_line(self.model.model_fields)
            while True:
                yield "".join(_csv_line(_cells(row)) for row in rows)
                if place is None:
                    return
                rows, place = self.rows(engine, conditions, place, _CHUNK_ROWS, parts=parts)

        disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return StreamingResponse(lines(), media_type="text/csv; charset=utf-8; header=present", headers=disposition)

    def _first(self, statement: Select[Any], source: FromClause, limit: int) -> Select[Any]:
        columns = (source.c[name] for name in self.key)
        return statement.order_by(*(column.desc() if self.descending else column for column in columns)).limit(limit)

    def _behind(self, after: str | None) -> tuple[ColumnElement[bool], ...]:
        if after is None:
            return ()
        place, columns = self._place(after), [self.source.c[name] for name in self.key]
        values = tuple_(*(literal(value, column.type) for value, column in zip(place, columns, strict=True)))
        first, bound = columns[0], literal(place[0], columns[0].type)
        # The second condition follows from the first; an index on the first column alone can use it.
        if self.descending:
            return tuple_(*columns) < values, first <= bound
        return tuple_(*columns) > values, first >= bound

    def _cursor(self, row: RowMapping) -> str:
        values = TypeAdapter(tuple[Any, ...]).dump_json(tuple(row[name] for name in self.key))
        return base64.urlsafe_b64encode(values).decode().rstrip("=")

    def _place(self, after: str) -> tuple[Any, ...]:
        try:
            texts = TypeAdapter(list[Any]).validate_json(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
            kinds = (self.source.c[name].type.python_type for name in self.key)
            return tuple(_KEY_TYPES[kind].validate_python(text) for text, kind in zip(texts, kinds, strict=True))
        except (ValidationError, ValueError, binascii.Error) as error:
            raise RequestMistakeError(
                "query.after", "This route did not give it out for this order: take `next` of the answer before."
            ) from error


def wants_csv(request: Request) -> bool:
    """Tell whether CSV is asked for before JSON, by the header Accept (RFC 9110 section 12.5.1)."""
    weights: dict[str, float] = {}
    for part in request.headers.get("accept", "").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            weights[kind] = float(weight)
        except ValueError:
            weights[kind] = 0.0
    return weights.get("text/csv", 0.0) > weights.get("application/json", 0.0)


def _cells(row: BaseModel) -> list[str]:
    document = row.model_dump(mode="json")
    return [_cell(value) for value in document.values()]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        # Spreadsheets would take it for a formula (CWE-1236), and a number for a sum that has lost its plus sign.
        return f"'{value}"
    return str(value)


def _csv_line(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
