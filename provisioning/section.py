"""What every table of the configuration has in common."""

from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from provisioning.remarks import KeyPath

GpioPin = Annotated[int, Field(ge=0, le=27)]
"""A pin of the header, by its BCM number."""

Identifier = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        description="up to 64 lower-case letters, digits and hyphens, no hyphen at either end",
        examples=["handset-1"],
    ),
]
"""What a device, a fleet or an account is called."""

Region = Annotated[
    str,
    Field(pattern=r"^[A-Z]{2}$", description="two capital letters of ISO 3166-1, such as CN or HK", examples=["HK"]),
]
"""A country, or a part of one with laws of its own: ISO 3166-1, such as CN or HK."""

HEXADECIMAL: dict[str, JsonValue] = {"format": "hexadecimal"}
"""Said of a number that is usually written so."""

Percent = Annotated[int, Field(ge=0, le=100)]


class Section(BaseModel):
    """A table of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConfigurationTable(Section):
    """A table of the configuration.

    It is compiled as a part of the configuration, and by itself only where it is made by itself: a handset that does
    both registers later.
    """

    model_config = ConfigDict(defer_build=True)


class Conflicts:
    """Collects what in a table cannot stand together; each is a mistake with its own place."""

    def __init__(self) -> None:
        self._found: list[tuple[str, tuple[KeyPath, ...]]] = []

    def add(self, text: str, *paths: KeyPath) -> None:
        """Add one.

        Args:
            text: what is wrong, without a full stop.
            *paths: the settings that it is about, from this table on; the first is where it is shown.
        """
        self._found.append((text, paths))

    def check(self) -> None:
        """Raise if there are any.

        Raises:
            ConflictError: there are.
        """
        if self._found:
            raise ConflictError(tuple(self._found))


class ConflictError(ValueError):
    """Settings that are well written but cannot stand together.

    Attributes:
        found: each with the settings that it is about.
    """

    def __init__(self, found: tuple[tuple[str, tuple[KeyPath, ...]], ...]) -> None:
        super().__init__("; ".join(text for text, _ in found))
        self.found = found


def conflict(text: str, *paths: KeyPath) -> NoReturn:
    """Say of one conflict what `Conflicts.add` says of several.

    Raises:
        ConflictError: always.
    """
    raise ConflictError(((text, paths),))


def sentences_of(error: ValidationError) -> tuple[str, ...]:
    """Say what pydantic found wrong, each with its place and without what stood there."""
    return tuple(
        f"{'.'.join(map(str, item['loc'])) or 'the whole'}: {item['msg'].removeprefix('Value error, ')}."
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    )
