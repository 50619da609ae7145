"""Messages of a closed list: no field is added to them, nothing in them is beyond its bounds or is ever changed."""

from functools import cache
from typing import Any, dataclass_transform

import msgspec


class _Checking(msgspec.StructMeta):
    """Checks what is made here as msgspec checks what is read, so that a mistake shows where it is made."""

    def __call__(self, *arguments: Any, **fields: Any) -> Any:
        """Raise msgspec.ValidationError, a ValueError, where a field is not as declared."""
        try:
            made = super().__call__(*arguments, **fields)
        except TypeError as error:
            # A field is missing or not known, or __post_init__ met another type than it reckons with.
            raise msgspec.ValidationError(str(error)) from error
        for name, kind in _fields(self):
            msgspec.convert(getattr(made, name), kind)
        return made


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Closed(msgspec.Struct, metaclass=_Checking, frozen=True, forbid_unknown_fields=True):
    """What such messages have in common."""


@cache
def _fields(model: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.type) for field in msgspec.structs.fields(model))
