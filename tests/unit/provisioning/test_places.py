import tomllib
from typing import Any

import pytest

from provisioning.places import Places
from provisioning.remarks import KeyPath, Place

TEXT = """\
version = 1
[device]
id = "ü"   # a comment
"quoted key" = 'x'
dotted.key . deeper = 1
[[accounts]]
servers = [
  "a",  # first
  "b",
]
[[accounts]]
inner = { one = 1, "two" = [2, 3] }
[accounts.below]
x = 1
[[accounts.several]]
y = 1
[[accounts.several]]
y = 2
"""


def paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inside for found in paths(each, (*path, key)))]


def test_every_setting_of_a_text_has_a_place() -> None:
    places = Places(TEXT)
    assert [path for path in paths(tomllib.loads(TEXT)) if path and not places.has(path)] == []


def test_a_setting_stands_where_it_is_written(subtests: pytest.Subtests) -> None:
    for path, key, value in [
        (("version",), (1, 1), (1, 11)),
        (("device",), (2, 1), (2, 1)),
        (("device", "id"), (3, 1), (3, 6)),
        (("device", "quoted key"), (4, 1), (4, 16)),
        (("device", "dotted", "key", "deeper"), (5, 1), (5, 23)),
        (("accounts",), (6, 1), (6, 1)),
        (("accounts", 0), (6, 1), (6, 1)),
        (("accounts", 0, "servers", 1), None, (9, 3)),
        (("accounts", 1), (11, 1), (11, 1)),
        (("accounts", 1, "inner", "two", 1), None, (12, 32)),
        (("accounts", 1, "below", "x"), (14, 1), (14, 5)),
        (("accounts", 1, "several", 1, "y"), (18, 1), (18, 5)),
    ]:
        with subtests.test(path=path, key=key, value=value):
            places = Places(TEXT)
            assert places.key(path) == key
            assert places.value(path) == value


def test_columns_are_counted_in_letters() -> None:
    assert Places('a = { "ü" = 1, b = 2 }').value(("a", "b")) == Place(1, 20)


def test_what_is_not_there_is_near_its_table() -> None:
    places = Places(TEXT)
    assert places.nearest(("device", "fleet")) == Place(2, 1)
    assert places.nearest(("accounts", 0, "username")) == Place(6, 1)
    assert places.nearest(("sync", "host")) is None


@pytest.mark.parametrize("text", ["", "[", "[[a]", "a = ", "a = [1,", '"\\q" = 1', "\ufeffa = 1", "a = 1\r\nb = 2"])
def test_a_text_with_mistakes_has_places_too(text: str) -> None:
    Places(text).nearest(("a",))
