"""A process that reads or writes vCards and can do nothing else: `python -m firmware.vcard read`, or `write VERSION`.

`read` takes a file of cards on standard input and answers with lines of JSON, `write` the other way round. The handset
never looks into a file itself: whatever a file does to this process, the call that runs meanwhile is not in it.
"""

import logging
import os
import resource
import sys
from contextlib import suppress

from firmware.vcard.cards import Mistake
from firmware.vcard.lines import BATCH, CardLine, CardsLine
from firmware.vcard.properties import VERSIONS
from firmware.vcard.reader import Read, read_contacts
from firmware.vcard.writer import card_text

_BROKEN_AT_ONCE = 500
"""So many broken cards are told of at once: a file may hold nothing else, and the handset hears of each message."""

_MEGABYTE = 1024 * 1024
_LIMITS = {
    resource.RLIMIT_AS: 256 * _MEGABYTE,
    resource.RLIMIT_CPU: 900,
    resource.RLIMIT_NOFILE: 8,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_NPROC: 0,
}
_NICENESS = 15


def main() -> None:
    """Do what the arguments say."""
    # What libraries log would quote the cards.
    logging.disable()
    # The service may not be allowed to.
    with suppress(OSError):
        os.nice(_NICENESS)
    for limit, most in _LIMITS.items():
        resource.setrlimit(limit, (most, most))
    if sys.argv[1] == "read":
        sys.exit(0 if _read() else 1)
    _write(sys.argv[2])


def _read() -> bool:
    """Tell what is in the file; False where it was not read to its end."""
    cards: list[Read] = []
    broken: list[tuple[int, Mistake]] = []
    to_the_end = True
    for found in read_contacts(sys.stdin.buffer):
        if isinstance(found, Read):
            cards.append(found)
        elif found.mistake is Mistake.TOO_MANY:
            to_the_end = False
        else:
            broken.append((found.line, found.mistake))
        if len(cards) == BATCH or len(broken) == _BROKEN_AT_ONCE or (cards and cards[-1].card.photo):
            _say(cards, broken)
            cards, broken = [], []
    _say(cards, broken)
    return to_the_end


def _say(cards: list[Read], broken: list[tuple[int, Mistake]]) -> None:
    line = CardsLine(
        cards=tuple(CardLine.of(each.card) for each in cards),
        broken=tuple(broken),
        cut=sum(each.cut for each in cards),
        photos_left_out=sum(each.photo_left_out for each in cards),
    )
    sys.stdout.write(line.model_dump_json() + "\n")
    sys.stdout.flush()


def _write(name: str) -> None:
    [version] = [version for version in VERSIONS if version == name]
    for line in sys.stdin:
        sys.stdout.write(card_text(CardLine.model_validate_json(line).card, version))


if __name__ == "__main__":
    main()
