"""What a holder is shown who exercises the rights: goldens show these pages on each display."""

from dataclasses import replace
from typing import Final

from contract.consent import RequestKind, RequestState
from firmware.phone.key import Key
from firmware.phone.my_data import DataCategory
from firmware.phone.requests.pin import PinChecked
from firmware.phone.requests.rights import (
    AnswerRow,
    DrawPassphrase,
    ListRequests,
    MyDataRow,
    ProveHolder,
    ReadMyData,
    ReadRetention,
    RequestRow,
)
from firmware.phone.view import Look, PhoneView
from tests.unit.phone.menus import open_page
from tests.unit.phone.new_phone import NewPhone

_DATA: Final = tuple(
    MyDataRow(category, 12 * number, 365 if category is DataCategory.CALLS else 0, erasable=0 < number < 5)
    for number, category in enumerate(DataCategory)
)
_ANSWER: Final = AnswerRow(7, RequestState.PARTLY, ("Calls are erased.",), "2026-11-30", read=True)
_REQUESTS: Final = (
    RequestRow(4, RequestKind.CONTACT, "", "", RequestState.OPEN),
    RequestRow(3, RequestKind.ERASURE, "25 Nov", "2 Dec 2026", RequestState.PARTLY, _ANSWER),
    RequestRow(2, RequestKind.COMPLAINT, "25 Nov", "2 Dec 2026", RequestState.OPEN),
    RequestRow(1, RequestKind.ACCESS, "1 Nov", "6 Nov 2026", RequestState.ANSWERED),
)


def rights_views() -> dict[str, PhoneView]:
    """Go through what the holder may do with all that is kept."""
    views: dict[str, PhoneView] = {}

    def at(*path: str, proved: bool = True) -> NewPhone:
        phone = NewPhone.of_office(activated=True)
        open_page(phone, *path)
        if proved:
            phone.dial("258013")
            phone.press(Key.OK)
            phone.reply(ProveHolder, PinChecked(accepted=True))
        return phone

    views["my data"] = at("Privacy", "My data", proved=False).view
    phone = at("Privacy", "My data", "What is here")
    phone.reply(ReadMyData, _DATA)
    views["my data, what is here"] = phone.view
    phone.press("3")
    views["my data, calls"] = phone.view
    phone = at("Privacy", "My data", "Delete")
    phone.reply(ReadMyData, _DATA)
    views["my data, erase"] = phone.view
    phone.press("3")
    views["my data, erase calls"] = phone.view
    views["my data, a copy"] = at("Privacy", "My data", "A copy", proved=False).view
    phone = at("Privacy", "My data", "A copy", "With words")
    phone.reply(DrawPassphrase, "abandon ability able about above absent absorb")
    views["my data, words of a copy"] = phone.view
    for _ in range(8):
        phone.press(Key.OK)
    views["my data, a word asked back"] = phone.view
    views["my data, a copy for all"] = at("Privacy", "My data", "A copy", "Open to all").view
    phone = at("Privacy", "My data", "A copy", "Bring one back")
    phone.press(Key.OK)
    views["my data, a copy comes back"] = phone.view
    phone = at("Privacy", "My data", "Requests", proved=False)
    phone.reply(ListRequests, _REQUESTS)
    views["requests"] = phone.view
    for digit, name in (("4", "request"), ("2", "request without a day")):
        phone.press(digit)
        views[name] = phone.view
        phone.press(Key.CANCEL)
        phone.reply(ListRequests, _REQUESTS)
    phone.press("3")
    views["answer"] = phone.view
    phone.press(Key.OK)
    phone.press(Key.OK)
    views["answer, its end"] = phone.view
    phone = at("Privacy", "My data", "Kept for", proved=False)
    phone.reply(ReadRetention, ((DataCategory.CALLS, 365), (DataCategory.MESSAGES, 0), (DataCategory.RECORDINGS, 90)))
    views["kept for"] = phone.view
    views["cancel account"] = at("Settings", "Cancel account", proved=False).view
    return {name: replace(view, look=Look()) for name, view in views.items()}
