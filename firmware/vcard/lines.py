"""What the handset and the process that reads and writes cards say to each other: a line of JSON at a time."""

from typing import Annotated, Final, Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from firmware.phone.contact import MAX_NAME, MAX_NUMBER, MAX_NUMBERS, Contact, ContactNumber, NumberKind
from firmware.vcard.cards import Mistake
from firmware.vcard.properties import MAX_PHOTO_BYTES, MAX_PROPERTIES, Card, CardProperty

BATCH: Final = 10
"""So many contacts are handed over at once: they are kept in one transaction, which others wait for."""
MAX_LINE_BYTES: Final = 3 * 1024 * 1024
"""What BATCH contacts take at most, one of them with a photo."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NumberLine(_Line):
    """One number and what it is."""

    number: Annotated[str, Field(min_length=1, max_length=MAX_NUMBER)]
    kind: NumberKind


class CardLine(_Line):
    """One card; `photo` is a picture file."""

    name: Annotated[str, Field(max_length=MAX_NAME)]
    numbers: Annotated[tuple[NumberLine, ...], Field(max_length=MAX_NUMBERS)]
    properties: Annotated[tuple[CardProperty, ...], Field(max_length=MAX_PROPERTIES)] = ()
    photo: Annotated[Base64Bytes, Field(max_length=2 * MAX_PHOTO_BYTES, repr=False)] = b""

    @classmethod
    def of(cls, card: Card) -> Self:
        """Put a card into a line."""
        numbers = tuple(NumberLine(number=each.number, kind=each.kind) for each in card.contact.numbers)
        # Its bytes stand for themselves here; from a line they come in base64.
        return cls(name=card.contact.name, numbers=numbers, properties=card.properties).model_copy(
            update={"photo": card.photo}
        )

    @property
    def card(self) -> Card:
        """What the line says."""
        numbers = tuple(ContactNumber(each.number, each.kind) for each in self.numbers)
        return Card(Contact(0, self.name, numbers), self.properties, self.photo)


class CardsLine(_Line):
    """What was read.

    Attributes:
        cards: the contacts; only the last of them may have a photo.
        broken: the lines of the file where other cards are broken, and what is wrong there.
        cut: of how many something was left out.
        photos_left_out: of how many the photo was.
    """

    cards: Annotated[tuple[CardLine, ...], Field(max_length=BATCH)]
    broken: tuple[tuple[Annotated[int, Field(ge=1)], Mistake], ...]
    cut: Annotated[int, Field(ge=0, le=BATCH)]
    photos_left_out: Annotated[int, Field(ge=0, le=BATCH)]
