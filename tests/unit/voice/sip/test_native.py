"""A SIP library that is not the build for this handset is refused, in a sentence, before anything calls it."""

import ctypes
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.base.errors import SipError
from firmware.voice.sip import native

NAMES = tuple(native._FUNCTIONS)


@pytest.fixture(autouse=True)
def not_loaded() -> Iterator[None]:
    native.library.cache_clear()
    yield
    native.library.cache_clear()


def load(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...] = NAMES, edition: int | None = native.EDITION) -> Any:
    """Put a library with these functions in the place of the real one."""
    functions: dict[str, Any] = {name: SimpleNamespace() for name in names}
    if edition is not None:
        functions["wecall_edition"] = lambda: edition
    library = SimpleNamespace(**functions)
    monkeypatch.setattr(ctypes, "CDLL", lambda path: library)
    return library


def test_the_build_that_belongs_to_this_handset_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    library: Any = load(monkeypatch)
    assert native.library() is library
    assert library.wecall_linked.restype is ctypes.c_char_p
    assert library.wecall_media_poll.argtypes == (ctypes.c_void_p, ctypes.c_uint)


@pytest.mark.parametrize("edition", [None, 0, native.EDITION - 1, native.EDITION + 1])
def test_a_build_of_another_edition_is_refused(monkeypatch: pytest.MonkeyPatch, edition: int | None) -> None:
    load(monkeypatch, edition=edition)
    with pytest.raises(SipError, match="not the build that belongs to this handset"):
        native.library()


@pytest.mark.parametrize("name", NAMES)
def test_a_build_without_one_of_the_functions_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    load(monkeypatch, tuple(each for each in NAMES if each != name))
    with pytest.raises(SipError) as caught:
        native.library()
    said = str(caught.value)
    assert "`make engine`" in said
    assert said.endswith(".")


def test_the_installed_build_is_the_one_that_belongs_to_this_handset() -> None:
    assert native.linked()[0].startswith("pjproject ")
