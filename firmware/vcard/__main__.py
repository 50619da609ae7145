"""A process that reads or writes vCards and can do nothing else: `python -m firmware.vcard read|write`.

`read` takes a file of cards on standard input and answers with lines of JSON, `write` the other way round. The handset
never looks into a file itself: whatever a file does to this process, the call that runs meanwhile is not in it.
"""

import json
import logging
import os
import resource
import sys
from contextlib import suppress

from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.vcard.cards import Mistake
from firmware.vcard.reader import Read, read_contacts
from firmware.vcard.writer import card_text

BATCH = 10
"""So many contacts are handed over at once: they are kept in one transaction, which others wait for."""
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
    """Do what the one argument says."""
    # What libraries log would quote the cards.
    logging.disable()
    # The service may not be allowed to.
    with suppress(OSError):
        os.nice(_NICENESS)
    for limit, most in _LIMITS.items():
        resource.setrlimit(limit, (most, most))
    if sys.argv[1] == "read":
        sys.exit(0 if _read() else 1)
    _write()


def _read() -> bool:
    """Tell what is in the file; False where it was not read to its end."""
    contacts: list[dict[str, object]] = []
    broken: list[int] = []
    to_the_end = True
    for found in read_contacts(sys.stdin.buffer):
        if isinstance(found, Read):
            numbers = [(number.number, number.kind) for number in found.contact.numbers]
            contacts.append({"name": found.contact.name, "numbers": numbers, "cut": found.cut})
        elif found.mistake is Mistake.TOO_MANY:
            to_the_end = False
        else:
            broken.append(found.line)
        if len(contacts) == BATCH or len(broken) == _BROKEN_AT_ONCE:
            _say(contacts, broken)
            contacts, broken = [], []
    _say(contacts, broken)
    return to_the_end


def _say(contacts: list[dict[str, object]], broken: list[int]) -> None:
    sys.stdout.write(json.dumps({"contacts": contacts, "broken": broken}) + "\n")
    sys.stdout.flush()


def _write() -> None:
    for line in sys.stdin:
        raw = json.loads(line)
        numbers = tuple(ContactNumber(number, NumberKind(kind)) for number, kind in raw["numbers"])
        sys.stdout.write(card_text(Contact(0, raw["name"], numbers)))


if __name__ == "__main__":
    main()
