import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args, get_type_hints

import pytest

from firmware import services as errands
from firmware.phone.request import Request
from firmware.setup import bundles, update


def _handlers() -> Iterator[Any]:
    """Every coroutine of a class that takes a request: what it returns goes to whoever asked."""
    for package in (errands, bundles, update):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for _, kind in inspect.getmembers(import_module(found.name), inspect.isclass):
                if kind.__module__ == found.name:
                    yield from (each for _, each in inspect.getmembers(kind, inspect.iscoroutinefunction))


def _asked(handler: Any) -> list[Any]:
    hints = get_type_hints(handler)
    kinds = [kind for name, hint in hints.items() if name != "return" for kind in get_args(hint) or (hint,)]
    return [kind for kind in kinds if _is_kind_of_request(kind)]


def _is_kind_of_request(hint: object) -> bool:
    return inspect.isclass(hint) and issubclass(hint, Request) and hint is not Request


ANSWERING = [handler for handler in _handlers() if _asked(handler)]


def test_who_does_what_is_asked_for_returns_the_answer_that_the_request_names(subtests: pytest.Subtests) -> None:
    for handler in ANSWERING:
        with subtests.test(handler=handler):
            for asked in _asked(handler):
                [base] = asked.__orig_bases__
                [answer] = get_args(base)
                assert get_type_hints(handler)["return"] == answer


def test_every_kind_of_request_is_done_by_somebody() -> None:
    done = {kind for handler in ANSWERING for kind in _asked(handler)}
    assert {kind.__name__ for kind in Request.__subclasses__() if kind.__module__.startswith("firmware.")} == {
        kind.__name__ for kind in done
    }
