"""Writes contacts as vCards, version 3.0 or 4.0."""

from typing import Final, Literal

import vobject

from firmware.phone.contact import Contact, NumberKind

Version = Literal["3.0", "4.0"]

_TYPES: Final = {NumberKind.MOBILE: "cell", NumberKind.HOME: "home", NumberKind.WORK: "work"}


def card_text(contact: Contact, version: Version = "3.0") -> str:
    """Write one contact: its name and its numbers. Ring, blocking and picture are this handset's own."""
    card = vobject.vCard()
    card.add("version").value = version
    card.add("fn").value = contact.name
    card.add("n").value = vobject.vcard.Name(family=contact.name)
    for number in contact.numbers:
        line = card.add("tel")
        line.value = number.number
        if number.kind in _TYPES:
            line.type_param = _TYPES[number.kind].upper() if version == "3.0" else _TYPES[number.kind]
    return str(card.serialize())
