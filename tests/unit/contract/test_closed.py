from typing import Annotated, Any

import pytest
from msgspec import Meta, ValidationError, json

from contract.closed import Closed


class Part(Closed):
    number: Annotated[int, Meta(ge=1, le=9)]


class Whole(Closed):
    name: Annotated[str, Meta(max_length=3)]
    parts: Annotated[tuple[Part, ...], Meta(max_length=2)] = ()


def test_what_is_made_here_is_held_to_what_is_read() -> None:
    assert Whole(name="abc", parts=(Part(number=9),)) == json.decode(
        '{"name":"abc","parts":[{"number":9}]}', type=Whole
    )
    for name, parts in (("abcd", 1), ("abc", 3)):
        with pytest.raises(ValueError, match="of length <="):
            Whole(name=name, parts=(Part(number=1),) * parts)
        with pytest.raises(ValueError, match="of length <="):
            json.decode(json.encode({"name": name, "parts": [{"number": 1}] * parts}), type=Whole)
    with pytest.raises(ValueError, match="<= 9"):
        Part(number=10)


@pytest.mark.parametrize("text", ['{"name":"a","more":1}', '{"name":"a","parts":[{"number":1,"more":1}]}', "{}"])
def test_nothing_is_added_and_nothing_is_missing(text: str) -> None:
    with pytest.raises(ValueError, match=r"unknown field|missing required"):
        json.decode(text, type=Whole)


@pytest.mark.parametrize("fields", [{}, {"number": "nine"}, {"number": None}, {"number": 1, "more": 1}])
def test_what_is_made_wrongly_is_a_mistake_also_where_fields_are_compared(fields: dict[str, Any]) -> None:
    class Compared(Closed):
        number: int

        def __post_init__(self) -> None:
            if self.number > 9:
                raise ValueError("too large")

    with pytest.raises(ValidationError):
        Compared(**fields)


def test_nothing_is_changed() -> None:
    part = Part(number=1)
    with pytest.raises(AttributeError):
        part.number = 2  # type: ignore[misc]
