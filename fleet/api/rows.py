"""What becomes of a row of the database."""

from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel
from sqlalchemy import Row

AnyRow: TypeAlias = Row[*tuple[Any, ...]]

Answered = TypeVar("Answered", bound=BaseModel)


def fields(row: AnyRow) -> dict[str, Any]:
    """Return a row's values by the names of its columns."""
    return dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def as_model(model: type[Answered], row: AnyRow) -> Answered:
    """Read a row whose columns have the names of a model's fields."""
    return model.model_validate(fields(row))
