"""News as no honest voice makes them: of every kind on the list, with whatever the types allow, in any order."""

import random
import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from contract.calls import CallDirection
from firmware.phone import news as n
from firmware.phone.call import CallerId, CallId, TextMessage
from firmware.voice.messages import LONGEST_TEXT, News, encode

KINDS: Final[tuple[type[News], ...]] = get_args(News)
MARK: Final = "zq7"
"""Is in all names, numbers and texts, so that they are found where they do not belong."""
_IDS: Final = frozenset({"call_id", "new_call_id", "message_id"})
_SENTENCES: Final = frozenset({"sentence", "detail", "sip_build", "sound"})
_MOST_PARTS: Final = 8
_NUMBERS: Final = (0, 1, 2, 5, 100, 180, 200, 486, 603, 699, 700, 70_000, 10**9, 10**9 + 1, -1)
_REALS: Final = (0.0, 0.1, 1.0, 4.5, 100.0, 86_400.0, 1e9, 1e300, -1.0, float("nan"), float("inf"))
_PIECES: Final = (
    "", " ", "\n", "\t", "0", "+", "#", "*", "112", "02012345678", "+8613800138000", "sip:", "@", ";phone-context=",
    "%s", "{0}", "../", "' OR 1=1 --", "<script>", "\\", "é", "ß", "中文", "栽植", "ع", "שלום", "\U0001d518",
    "\U0001f469\u200d\U0001f467", "\u0301", "\u200f", "\ufeff", "\ufffd", "\U0010ffff", "\x1b[2J",
)  # fmt: skip
_CONTROLS: Final = "\x1b\n"


class RandomNews:
    """Makes them.

    Attributes:
        dice: what decides.
        calls: the ids of calls that it takes most often.
    """

    def __init__(self, dice: random.Random, *, only_believable: bool = False) -> None:
        """`only_believable`: within the bounds of the list, and under the name of an account that there is."""
        self.dice = dice
        self._only_believable = only_believable
        self.calls: list[CallId] = []

    def any(self, kinds: tuple[type[News], ...] = KINDS) -> News:
        """Make one of any kind."""
        return self.of(self.dice.choice(kinds))

    def of(self, kind: type[News]) -> News:
        """Make one of a kind."""
        if kind is n.MessageReceived and self.dice.random() < 0.9:
            party = self._made(CallerId)
            return n.MessageReceived(TextMessage(self._id(), CallDirection.INCOMING, party, self._text("text")))
        news: News = self._made(kind)
        if isinstance(news, n.IncomingCallReceived) and self.dice.random() < 0.8:
            news = replace(news, call_id=CallId(self._id()))
        if isinstance(news, n.IncomingCallReceived):
            self._remember(news.call_id)
        elif isinstance(news, n.CallReplaced):
            self._remember(news.new_call_id)
        return news

    def spoiled(self) -> bytes:
        """Make what was once a message."""
        data = bytearray(encode(self.any()))
        for _ in range(self.dice.randrange(1, 4)):
            at = self.dice.randrange(len(data)) if data else 0
            match self.dice.randrange(4):
                case 0 if data:
                    data[at] ^= 1 << self.dice.randrange(8)
                case 1:
                    del data[at:]
                case 2:
                    data[at:at] = self.dice.randbytes(self.dice.randrange(1, 9))
                case _:
                    data[at : at + 4] = b""
        return bytes(data)

    def garbage(self) -> bytes:
        """Make what never was one."""
        return self.dice.randbytes(self.dice.choice((1, 2, 16, 300, 4_000)))

    def _remember(self, call_id: CallId) -> None:
        self.calls = [*self.calls, call_id][-12:]

    def _id(self) -> str:
        return f"{self.dice.getrandbits(128):032x}"

    def _value(self, hint: Any, name: str) -> Any:  # noqa: C901 - one flat table: a case for each type
        dice = self.dice
        origin, inner = get_origin(hint), get_args(hint)
        if origin in {Union, types.UnionType}:
            return self._value(dice.choice(inner), name)
        if origin is Literal:
            return dice.choice(inner)
        if origin is tuple:
            if inner[-1] is Ellipsis:
                return tuple(self._value(inner[0], name) for _ in range(dice.randrange(_MOST_PARTS)))
            return tuple(self._value(each, name) for each in inner)
        hint = getattr(hint, "__supertype__", hint)
        if is_dataclass(hint):
            return self._made(hint)
        if hint is type(None):
            return None
        if hint is bool:
            return dice.random() < 0.5
        if issubclass(hint, StrEnum):
            return dice.choice(tuple(hint))
        if hint is int:
            return dice.choice(_NUMBERS[:10] if self._only_believable else _NUMBERS)
        if hint is float:
            return dice.choice(_REALS[:6] if self._only_believable else _REALS)
        return self._text(name)

    def _made(self, kind: Any) -> Any:
        hints = _hints(kind)
        return kind(**{each.name: self._value(hints[each.name], each.name) for each in fields(kind)})

    def _text(self, name: str) -> str:
        dice = self.dice
        if name in _IDS:
            known = self.calls and dice.random() < (0.3 if name == "new_call_id" else 0.9)
            return dice.choice(self.calls) if known else self._id()
        if name == "account":
            return "" if self._only_believable or dice.random() < 0.95 else "nobody's"
        if name == "ring":
            return dice.choice(("normal", "internal", "external", "priority", "none"))
        text = "".join(self._pieces(dice.choice((0, 1, 2, 5, 40, 1_000))))
        if text and name not in _SENTENCES:
            text = f"{MARK}{text}"
        if self._only_believable or dice.random() < 0.99:
            text = text[: LONGEST_TEXT if name == "text" else 512]
            for each in _CONTROLS:
                text = text.replace(each, "")
        return text

    def _pieces(self, count: int) -> Iterator[str]:
        for _ in range(count):
            yield self.dice.choice(_PIECES)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
