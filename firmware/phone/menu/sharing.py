"""Who got what from this phone, day by day: from the outbox's own log, written before anything leaves."""

from typing import Final

from contract.messages import Topic
from firmware.base.words import Text, word
from firmware.phone.menu.card import Card
from firmware.phone.menu.long_list import LongList
from firmware.phone.menu_views import MenuRow
from firmware.phone.requests.shares import ReadShares, SharedRow
from firmware.phone.state import PhoneState

WHO_GOT_WHAT: Final = word("Who got what")
KINDS: Final[dict[Topic, Text]] = {
    Topic.CDR: word("Call data"),
    Topic.CONSENT: word("Consents"),
    Topic.ERASURE: word("Deletions"),
    Topic.OUTCOME: word("Replies"),
}


class ShareList(LongList[SharedRow]):
    """A row for each day and kind, newest first."""

    def __init__(self) -> None:
        super().__init__(WHO_GOT_WHAT, word("Nothing has left this phone."))

    def request(self, first: int, limit: int) -> ReadShares:
        """Read what left."""
        return ReadShares(first, limit)

    def row(self, item: SharedRow) -> MenuRow:
        """Show what, and when."""
        return MenuRow(KINDS[item.kind], item.day)

    def choose(self, state: PhoneState, item: SharedRow) -> None:
        """Show who got it, and how sure that is."""
        rows = _rows(item)
        state.menu.push(state, Card(KINDS[item.kind], lambda _state: rows))


def sharing_page(_state: PhoneState) -> ShareList:
    """Make the page of who got what."""
    return ShareList()


def _rows(share: SharedRow) -> list[MenuRow]:
    rows = [
        MenuRow(word("Shared with"), share.recipient),
        MenuRow(word("Day"), share.day),
        MenuRow(word("How many"), str(share.count)),
        MenuRow(word("Arrived"), str(share.arrived)),
    ]
    if share.confirmed:
        rows += [MenuRow(word("Confirmed"), str(share.confirmed)), MenuRow(word("Confirmed by"), share.confirmed_by)]
    if share.taken_back:
        rows.append(MenuRow(word("To be deleted"), str(share.taken_back)))
    return rows
