"""What the phone asks of the rest of the handset, and the event that answers it: see the topics in `requests`."""

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from firmware.base.words import Text, word

A_co = TypeVar("A_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)


class Request(Generic[A_co]):
    """Something to be done or told; each kind names the type of its answer, as in `Request[Contact]`.

    `PhoneState.ask` sends one out with what hears of its answer; whoever wants to hear nothing emits it.
    """

    __slots__ = ()


NO_MEMORY: Final = word("This phone's memory cannot be used now.")
"""Why what needs the store comes to nothing, while there is none."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A request came to nothing; `words` say why and what to do."""

    words: Text


@dataclass(frozen=True, slots=True)
class Answered:
    """A request, the very one that went out, has its answer, or Failed in place of it."""

    request: Request[object]
    answer: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Progressed:
    """A request that takes a while has come so far, in per cent."""

    request: Request[object]
    percent: int


@dataclass(frozen=True, slots=True)
class Stretch(Generic[T_co]):
    """Some of the things that are kept, which are `total` in all; `first` is the place of the first one here."""

    first: int
    total: int
    items: tuple[T_co, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of work that takes a while; `words` say what was done, what was not and what to do about it."""

    done: bool
    words: Text
