"""What was written in a call, as the call log keeps it: utterances in the order in which they began.

It is one string, a line for each utterance: a sign for whose it is, the letters, and at the end the line end that was
written, if one was. All that was written stands there once, so that a backspace takes back what it is meant for.
"""

from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 16 * 1024
"""So much of a call is kept, the newest."""
PAUSE_S: Final = 3.0
"""Whoever has written nothing for so long begins another utterance, where the other end has written meanwhile."""
_OURS, _THEIRS, _LINE_END = ">", "<", "\r"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one end wrote without a break."""

    ours: bool
    text: str


def with_letters(kept: str, letters: str, *, ours: bool, goes_on: bool) -> str:
    """Return what is kept once somebody has written more.

    Args:
        kept: what was kept before.
        letters: what was written, with backspaces and line ends in it.
        ours: it was written here, not at the other end.
        goes_on: whoever writes has not paused.
    """
    sign = _OURS if ours else _THEIRS
    lines = kept.split("\n") if kept else []
    for letter in letters:
        last = next((place for place in reversed(range(len(lines))) if lines[place][0] == sign), None)
        if letter == "\b":
            if last is None:
                continue
            lines[last] = lines[last][:-1]
            if lines[last] == sign:
                del lines[last]
            continue
        written = _LINE_END if letter == "\n" else letter
        if last is None or lines[last].endswith(_LINE_END) or not (goes_on or last == len(lines) - 1):
            lines.append(sign + written)
        else:
            lines[last] += written
        goes_on = True
    return _newest("\n".join(lines))


def _newest(kept: str) -> str:
    encoded = kept.encode()
    if len(encoded) <= MOST_BYTES:
        return kept
    cut, _, rest = encoded[1 - MOST_BYTES :].decode(errors="ignore").partition("\n")
    return rest or kept.rpartition("\n")[2][0] + cut


def utterances(kept: str) -> tuple[Utterance, ...]:
    """Return what is kept, to be read."""
    lines = ((line[0], line[1:].removesuffix(_LINE_END)) for line in kept.split("\n") if line)
    return tuple(Utterance(sign == _OURS, text) for sign, text in lines if text)
