"""The XML that servers send in NOTIFY, read by a list of good forms: tags with quoted attributes, properly nested.

A document with a declaration of types or entities, a comment, CDATA or an instruction is refused, so that nothing in it
can grow or lead elsewhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

_TOKEN: Final = re.compile(
    r"""<(?P<end>/?)(?:[A-Za-z][\w.-]{0,31}:)?(?P<name>[A-Za-z][\w.-]{0,63})"""
    r"""(?P<attributes>(?:\s+[A-Za-z][\w.:-]{0,63}\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(?P<empty>/?)>|(?P<text>[^<]+)""",
    re.ASCII,
)
_ATTRIBUTE: Final = re.compile(r"""\s([A-Za-z][\w.:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.ASCII)
_PROLOGUE: Final = re.compile(r"\s*(?:<\?xml\s[^<>?]{0,100}\?>)?\s*")
_DEEPEST: Final = 8


class NoGoodFormError(ValueError):
    """A text is no document of the good forms."""


def parts(text: str) -> Iterator[tuple[tuple[str, ...], Mapping[str, str] | None, str]]:
    """Go through a document: the names that lead to each tag, with its attributes, and to each text, with None.

    Raises:
        NoGoodFormError: the rest of the text is no document of the good forms.
    """
    start = _PROLOGUE.match(text)
    position = start.end() if start is not None else 0
    path: tuple[str, ...] = ()
    is_over = False
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or len(path) > _DEEPEST or (is_over and text[position:].strip()):
            raise NoGoodFormError
        position = token.end()
        if token["text"] is not None:
            yield path, None, token["text"].strip()
        elif token["end"]:
            if path[-1:] != (token["name"],) or token["attributes"] or token["empty"]:
                raise NoGoodFormError
            path = path[:-1]
        else:
            attributes = {each[1]: each[2] or each[3] or "" for each in _ATTRIBUTE.finditer(token["attributes"])}
            yield (*path, token["name"]), attributes, ""
            if not token["empty"]:
                path = (*path, token["name"])
        is_over = not path and token["text"] is None
    if path:
        raise NoGoodFormError


def one_of(said: str, known: Iterable[str]) -> str:
    """Return what is said.

    Raises:
        NoGoodFormError: it is nothing known.
    """
    if said not in known:
        raise NoGoodFormError
    return said
