"""What a locked phone keeps to itself."""

from dataclasses import replace

from firmware.phone.call import CallerId
from firmware.phone.menu.views import EntryKind, EntryView, MenuView, NoticeView
from firmware.phone.view import CallView, PhoneView

_NOBODY = CallerId("")


def without_anything_personal(view: PhoneView) -> PhoneView:
    """Return what may be shown of a locked phone: how many calls were missed, but not whose; that there is a call.

    Digits that are being dialled stay: whoever stands before the phone has pressed them. So does the number of an
    emergency call.
    """
    return replace(
        view,
        # That calls are forwarded has its sign; to where has not.
        forwarding="*" if view.forwarding else "",
        call=_without_party(view.call) if view.call is not None else None,
        other_calls=tuple(_without_party(call) for call in view.other_calls),
        missed_party="",
        lines=tuple(replace(line, account="") for line in view.lines),
        refusal=None,
        message_text=None if view.message_text is None else "",
        candidates=(),
        menu=_menu(view.menu),
        matches=(),
        match=None,
        look=replace(view.look, background=""),
    )


def _without_party(call: CallView) -> CallView:
    return replace(
        call,
        party=call.party if call.emergency else _NOBODY,
        contact_name="",
        dtmf="",
        attribution="",
        account="",
        diverted_by="",
        picture="",
    )


def _menu(menu: MenuView | None) -> MenuView | None:
    """Let the PIN be typed, and a sentence be said about it."""
    is_about_the_pin = isinstance(menu, NoticeView) or (isinstance(menu, EntryView) and menu.kind is EntryKind.PIN)
    return menu if is_about_the_pin else None
