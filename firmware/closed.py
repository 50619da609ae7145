"""Messages of a closed list: no field is added to them, nothing in them is beyond its bounds or is ever changed."""

from functools import cache
from typing import Any, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What such messages have in common.

    What is read is checked by msgspec. What is made here is held to the same, so that a mistake shows where it is made.
    """

    def __post_init__(self) -> None:
        """Raise msgspec.ValidationError, a ValueError, where a field is not as declared."""
        for name, kind in _fields(type(self)):
            msgspec.convert(getattr(self, name), kind)


@cache
def _fields(model: type[Closed]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.type) for field in msgspec.structs.fields(model))
