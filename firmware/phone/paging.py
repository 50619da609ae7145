"""Announcements to a paging group: they sound on the loudspeaker of a phone that nobody uses."""

from firmware.phone.news import PagingChanged
from firmware.phone.policy import may_be_paged
from firmware.phone.state import PhoneState


def take_paging(state: PhoneState, event: PagingChanged) -> None:
    """Let whoever begins to speak be heard, where that may be and nobody else is.

    What began during a call, or in quiet hours, is not heard afterwards either: half an announcement helps nobody.
    """
    if event.speaks and not state.page and may_be_paged(state):
        state.page = event.group
    elif not event.speaks and state.page == event.group:
        state.page = ""


def keep_paging(state: PhoneState) -> None:
    """End an announcement as soon as somebody uses the phone, calls it or wants quiet."""
    if state.page and not may_be_paged(state):
        state.page = ""
