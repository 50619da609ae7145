"""Which numbers of the world's plan somebody may mean who writes one."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from firmware.base.numbering.layout import NumberingPlan

_MOST_CHARACTERS: Final = 64
"""Whatever is longer is no number, however it is grouped."""

_MOST_CALLING_CODE_DIGITS: Final = 3
_SEPARATORS = str.maketrans("", "", " \t().-/\u00a0")
_FEWEST_DIGITS_DIALLED: Final = 7
"""Fewer are an extension or a service, which mean something in their own domain only."""

_NUMBER = re.compile(r"\+?[0-9]{1,24}")
_SCHEME = re.compile(r"(?:sips?|tel):", re.IGNORECASE)
_AFTER_USER = re.compile(r"[@;?]")


def spellings(number: str, plan: NumberingPlan | None, trunk_prefixes: Mapping[str, str]) -> Iterator[str]:
    """Yield the digits of E.164, calling code first, that the number may stand for, the likeliest first.

    Args:
        number: as received or dialled; an address counts by the part before its host.
        plan: of where the handset stands; without one only numbers with `+` mean anything.
        trunk_prefixes: by calling code.
    """
    scheme = _SCHEME.match(number)
    begin = scheme.end() if scheme else 0
    user = _AFTER_USER.split(number[begin : begin + _MOST_CHARACTERS + 1], maxsplit=1)[0]
    if len(user) > _MOST_CHARACTERS:
        return
    digits = user.translate(_SEPARATORS)
    if not _NUMBER.fullmatch(digits):
        return
    if digits.startswith("+"):
        yield from _international(digits[1:], trunk_prefixes)
        return
    if plan is None or len(digits) < _FEWEST_DIGITS_DIALLED:
        return
    if plan.international_prefix and digits.startswith(plan.international_prefix):
        yield from _international(digits.removeprefix(plan.international_prefix), trunk_prefixes)
    if plan.trunk_prefix and digits.startswith(plan.trunk_prefix):
        yield plan.calling_code + digits.removeprefix(plan.trunk_prefix)
    yield plan.calling_code + digits
    # Operators hand over numbers in E.164 without its `+`, too.
    if digits.startswith(plan.calling_code):
        yield digits


def _international(digits: str, trunk_prefixes: Mapping[str, str]) -> Iterator[str]:
    yield digits
    # "+44 (0)20 ..." is how many write it; the trunk prefix in brackets is no part of the number.
    for end in range(1, _MOST_CALLING_CODE_DIGITS + 1):
        code, national = digits[:end], digits[end:]
        trunk_prefix = trunk_prefixes.get(code)
        if trunk_prefix and national.startswith(trunk_prefix):
            yield code + national.removeprefix(trunk_prefix)
