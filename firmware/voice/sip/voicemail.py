"""How many voice messages wait at the servers, each mailbox counted once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from firmware.phone.news import VoicemailCounted

_VOICE: Final = re.compile(r"^Voice-Message\s*:\s*(\d{1,5})\s*/\s*(\d{1,5})", re.IGNORECASE | re.MULTILINE)
_WAITING: Final = re.compile(r"^Messages-Waiting\s*:\s*(yes|no)\b", re.IGNORECASE | re.MULTILINE)
_MAILBOX: Final = re.compile(r"^Message-Account\s*:\s*(\S{1,200})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a NOTIFY says of a mailbox (RFC 3842).

    Attributes:
        mailbox: the URI by which it is called, empty where that is not said.
        new, old: voice messages unheard and heard.
    """

    mailbox: str
    new: int
    old: int = 0


def read_summary(message: str) -> Summary | None:
    """Read a NOTIFY with a message summary; None where it says nothing.

    Some systems only say that there are messages: that counts as one.
    """
    body = re.split(r"\r?\n\r?\n", message, maxsplit=1)[-1]
    found = _MAILBOX.search(body)
    mailbox = found[1].lower() if found is not None else ""
    if (voice := _VOICE.search(body)) is not None:
        return Summary(mailbox, int(voice[1]), int(voice[2]))
    if (waiting := _WAITING.search(body)) is None:
        return None
    return Summary(mailbox, 1 if waiting[1].lower() == "yes" else 0)


class Mailboxes:
    """The mailboxes of all accounts: what several accounts are told of one is told once, of the first of them.

    Two mailboxes that are called by the same URI count as one, too: then the fuller one counts.
    """

    def __init__(self, accounts: Iterable[str]) -> None:
        """`accounts` are their names, the default one's first."""
        self._order = {name: number for number, name in enumerate(accounts)}
        self._told: dict[str, Summary] = {}

    def note(self, account: str, summary: Summary) -> list[VoicemailCounted]:
        """Take what an account is told, and return what the phone should know."""
        before = self._counts()
        self._told[account] = summary
        now = self._counts()
        changed = {name: count for name, count in now.items() if name == account or before.get(name) != count}
        return [VoicemailCounted(new, old, name) for name, (new, old) in changed.items()]

    def _counts(self) -> dict[str, tuple[int, int]]:
        counts: dict[str, tuple[int, int]] = {}
        first: dict[str, str] = {}
        for name in sorted(self._told, key=lambda name: self._order.get(name, len(self._order))):
            summary = self._told[name]
            holder = first.setdefault(summary.mailbox, name) if summary.mailbox else name
            counts[name] = (0, 0)
            new, old = counts[holder]
            counts[holder] = (max(new, summary.new), max(old, summary.old))
        return counts
