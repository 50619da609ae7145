"""A contact as a small vCard, for a QR code: version 3.0, which every phone's camera understands (RFC 2426)."""

from firmware.phone.contact import Contact, ContactNumber, NumberKind

_TYPES = {NumberKind.MOBILE: ";TYPE=CELL", NumberKind.HOME: ";TYPE=HOME", NumberKind.WORK: ";TYPE=WORK"}
_MOST_NUMBERS = 5
"""More would make a code so fine that a camera cannot read it from a small display."""


def vcard_text(contact: Contact) -> str:
    """Write a contact with its name and its first numbers."""
    name = _escaped(contact.name)
    numbers = [_number(number) for number in contact.numbers[:_MOST_NUMBERS]]
    # Some phones take the name from N alone, and want it even where it is not split up.
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", f"N:{name};;;;", f"FN:{name}", *numbers, "END:VCARD", ""])


def _number(number: ContactNumber) -> str:
    """Write a number; a SIP address as RFC 4770 has it."""
    if "@" in number.number:
        return f"IMPP{_TYPES.get(number.kind, '')}:{number.number}"
    return f"TEL{_TYPES.get(number.kind, '')}:{_escaped(number.number)}"


def _escaped(text: str) -> str:
    for character in "\\;,":
        text = text.replace(character, f"\\{character}")
    return text
