"""What policies, notices, answers and resets of the operator say; what is read in both languages of the display."""

import re
from datetime import date
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from contract.results import OutcomeCode
from provisioning.section import Section
from provisioning.signed import DocumentRefusedError, Statement

_MOST_PARAGRAPHS: Final = 200

PolicyVersion = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}$")]
"""What a policy is called, such as "2026-11-25"."""

PurposeName = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
Title = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
Paragraph = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Paragraphs = Annotated[tuple[Paragraph, ...], Field(min_length=1, max_length=_MOST_PARAGRAPHS)]


class BothTitles(Section):
    """A title in both languages."""

    en: Title
    zh: Title


class BothTexts(Section):
    """A text in both languages, a paragraph each."""

    en: Paragraphs
    zh: Paragraphs


class PolicyDocument(Section):
    """A privacy policy.

    Attributes:
        version: what it is called; no two of a handset's policies may be called the same.
        date: when it was written.
        text: what the holder reads.
        asks_again: the purposes that it adds or changes; the holder is asked about them again.
    """

    version: PolicyVersion
    date: date
    text: BothTexts
    asks_again: Annotated[tuple[PurposeName, ...], Field(max_length=32)] = ()


class NoticeDocument(Section):
    """Something that the operator tells the holders.

    Attributes:
        incident: it tells of a danger to their data, and is shown whatever they agreed to.
        title: in a few words.
        text: what they read.
    """

    incident: bool
    title: BothTitles
    text: BothTexts


class AnswerDocument(Section):
    """What the operator answers to one request of a holder's.

    Attributes:
        request: the request's number.
        epoch: the run of the handset in which it was filed, as the state of consent tells it: a number may come again
            with the next holder, this does not.
        decision: all that was asked for is done or given, a part of it, or nothing.
        text: what the holder reads, in whole sentences: what was done, or why not, and where to turn to.
    """

    request: Annotated[int, Field(ge=1, lt=2**53)]
    epoch: Annotated[int, Field(ge=1, lt=2**53)]
    decision: Literal["granted", "partly", "refused"]
    text: BothTexts


class ResetDocument(Section):
    """An order to erase one handset, whose holder has forgotten the PIN and asked for it.

    Attributes:
        serial: what the handset's hardware calls itself.
        request: the number that its display shows; it is drawn at random and counts once.
    """

    serial: Annotated[str, Field(min_length=1, max_length=64)]
    request: Annotated[int, Field(ge=10**11, lt=10**12)]


_Document = TypeVar("_Document", bound=Section)


def read_content(statement: Statement, model: type[_Document]) -> _Document:
    """Return what a document says whose signature holds.

    Raises:
        DocumentRefusedError: it says something that this firmware does not understand.
    """
    try:
        return model.model_validate(statement.content)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, item["loc"])) for item in error.errors(include_input=False))
        raise DocumentRefusedError(
            OutcomeCode.UNREADABLE, f"This document is signed, but what it says is not understood: {places}."
        ) from error


def split_paragraphs(text: str, language: str) -> tuple[str, ...]:
    """Split a text where empty lines are; lines of one paragraph are joined, in Chinese without a space."""
    joint = "" if language == "zh" else " "
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n").removeprefix("\ufeff").strip())
    return tuple(joint.join(line.strip() for line in block.splitlines()) for block in blocks if block.strip())
