"""Finds what is wrong with one file of a bundle's folder, by what kind of file it is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from firmware.pictures.header import MAX_PIXELS, size_of
from firmware.vcard.cards import Broken, Mistake, split
from provisioning.bundle import FIRMWARE_COMES_OTHERWISE
from provisioning.documents import NoticeDocument, PolicyDocument, ResetDocument, read_content
from provisioning.remarks import Place, Remark, mistake, warning
from provisioning.ring_tone import open_ring_tone
from provisioning.schema import Configuration
from provisioning.section import Section
from provisioning.signed import DocumentKind, DocumentRefusedError, verify
from provisioning.trust import Kind

_SOON: Final = timedelta(days=60)
_PRIVATE_KEY: Final = b"PRIVATE KEY-----"
_PNG_BEGINS: Final = b"\x89PNG"

_CARD_WORDS: Final[Mapping[Mistake, str]] = {
    Mistake.NOT_A_CARD: "this is no part of a vCard",
    Mistake.UNFINISHED: "this card has no end",
    Mistake.TOO_LONG: "this card, or a line of it, is too long",
    Mistake.UNREADABLE: "this is no line of a vCard",
    Mistake.EMPTY: "this card has neither a name nor a number",
    Mistake.TOO_MANY: "there are too many cards",
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What a file is judged by.

    Attributes:
        now: the time.
        configuration: what the folder's configuration says, None where nothing can be made of it.
    """

    now: datetime
    configuration: Configuration | None


def certificates_in(content: bytes) -> list[x509.Certificate]:
    """Return the certificates in a file.

    Raises:
        ValueError: it holds none, or something else.
    """
    return x509.load_pem_x509_certificates(content)


def check_file(name: str, path: Path, beside: Beside) -> tuple[Remark, ...]:
    """Return what is wrong with a file, or risky.

    Raises:
        OSError: it cannot be read.
    """
    for beginning, check in _CHECKS.items():
        if name.startswith(beginning):
            return tuple(replace(remark, file=name) for remark in check(path, beside))
    return ()


def _certificates(path: Path, beside: Beside) -> Iterator[Remark]:
    content = path.read_bytes()
    if _PRIVATE_KEY in content:
        yield mistake("this holds a private key, which a bundle never carries; put the certificate in it alone")
        return
    try:
        found = certificates_in(content)
    except ValueError:
        yield mistake("this is no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----")
        return
    for certificate in found:
        name = certificate.subject.rfc4514_string()
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if ends < beside.now:
            yield mistake(f"the certificate of {name} ended on {ends:%Y-%m-%d}; ask its authority for a new one")
        elif begins > beside.now:
            yield warning(f"the certificate of {name} only counts from {begins:%Y-%m-%d} on")
        elif ends < beside.now + _SOON:
            yield warning(f"the certificate of {name} ends on {ends:%Y-%m-%d}, which is soon")


def _contacts(path: Path, _: Beside) -> Iterator[Remark]:
    with path.open("rb") as file:
        for card in split(file):
            broken = card if isinstance(card, Broken) else card.mistake
            if broken is not None:
                yield replace(mistake(_CARD_WORDS[broken.mistake]), place=Place(broken.line, 1))


def _picture(path: Path, _: Beside) -> Iterator[Remark]:
    with path.open("rb") as file:
        begins = file.read(len(_PNG_BEGINS))
        file.seek(0)
        size = size_of(file)
    if size is None:
        yield mistake("this is no picture, or a damaged one")
        return
    if (begins == _PNG_BEGINS) != (path.suffix == ".png"):
        yield mistake(f"this is another kind of picture than {path.suffix}; give it the name that fits")
    if size[0] * size[1] > MAX_PIXELS:
        yield mistake(f"this picture has {size[0]}x{size[1]} pixels, which a handset does not decode; make it smaller")


def _ring_tone(path: Path, _: Beside) -> Iterator[Remark]:
    try:
        open_ring_tone(path)
    except ValueError as error:
        yield mistake(str(error))


def _document(kind: DocumentKind, model: type[Section]) -> Callable[[Path, Beside], Iterator[Remark]]:
    def check(path: Path, beside: Beside) -> Iterator[Remark]:
        configuration = beside.configuration
        if configuration is None:
            return
        try:
            statement = verify(path.read_bytes(), kind, configuration.trust.keys)
            read_content(statement, model)
            statement.check_scope(configuration.device.fleet, configuration.device.id)
            statement.check_time(beside.now.timestamp(), synced=True)
        except DocumentRefusedError as error:
            yield mistake(str(error).removesuffix("."))

    return check


def _firmware(_path: Path, _beside: Beside) -> Iterator[Remark]:
    yield mistake(f"this is firmware. {FIRMWARE_COMES_OTHERWISE}".removesuffix("."))


_CHECKS: Final[Mapping[str, Callable[[Path, Beside], Iterator[Remark]]]] = {
    "certificates/": _certificates,
    "contacts.vcf": _contacts,
    "pictures/": _picture,
    "ring_tones/": _ring_tone,
    "policies/": _document(Kind.POLICY, PolicyDocument),
    "notices/": _document(Kind.NOTICE, NoticeDocument),
    "reset/": _document(Kind.RESET, ResetDocument),
    "firmware/": _firmware,
}
