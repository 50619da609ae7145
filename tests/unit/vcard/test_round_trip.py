"""Cards as programs write them are given back whole: `samples` holds one file of each."""

import base64
import io
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.vcard.lines import CardLine
from firmware.vcard.properties import (
    MAX_PHOTO_BYTES,
    MAX_PROPERTIES,
    MAX_PROPERTIES_BYTES,
    Card,
    CardProperty,
    Properties,
    Version,
    bounded,
    merged,
    of_contact,
    properties_json,
    read_properties,
    without_name,
)
from firmware.vcard.reader import Read, read_contacts
from firmware.vcard.writer import card_text

SAMPLES = Path(__file__).parent / "samples"
VERSIONS: tuple[Version, ...] = ("3.0", "4.0")
MOBILE, HOME, WORK, OTHER = NumberKind


def read(data: bytes) -> list[Read]:
    found = list(read_contacts(io.BytesIO(data)))
    assert all(isinstance(each, Read) for each in found), found
    return [each for each in found if isinstance(each, Read)]


def sample(name: str) -> list[Read]:
    return read((SAMPLES / name).read_bytes())


def card(*lines: str, version: str = "3.0") -> Read:
    [found] = read("\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]).encode())
    return found


def said(properties: Properties, name: str) -> list[str]:
    return [each.value for each in properties if each.name == name]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_a_card_is_given_back_as_it_was_read_and_the_next_phone_reads_the_same(path: Path, version: Version) -> None:
    before = [found.card for found in sample(path.name)]
    written = "".join(card_text(each, version) for each in before)
    assert max(len(line.encode()) for line in written.split("\r\n")) <= 75
    again = read(written.encode())
    assert [(found.cut, found.photo_left_out) for found in again] == [(False, False)] * len(before)
    after = [found.card for found in again]
    assert [each.contact for each in after] == [each.contact for each in before]
    assert [each.photo for each in after] == [each.photo for each in before]
    for one, other in zip(before, after, strict=True):
        assert sorted(one.properties, key=repr) == sorted(other.properties, key=repr)


def test_a_card_of_apples() -> None:
    [found] = sample("apple-3.0.vcf")
    contact, properties = found.contact, found.card.properties
    assert contact == Contact(
        0,
        "Dr. Anna Maria Müller MdB",
        (
            ContactNumber("+49 170 1234567", MOBILE),
            ContactNumber("+49 30 7654321,12", WORK),
            ContactNumber("+49 30 7654322", WORK),
            ContactNumber("+49 30 5551234", OTHER),
        ),
    )
    assert said(properties, "N") == ["Müller;Anna;Maria;Dr.;MdB"]
    assert said(properties, "ORG") == [r"Beispiel\, Söhne & Co. KG;Vertrieb"]
    assert said(properties, "EMAIL") == ["anna@example.com", "a.mueller@beispiel.example", "anna@verein.example"]
    [note] = said(properties, "NOTE")
    assert note.startswith(r"Kennt sich aus mit Gärten\, Bienen\; und Kuchen.\nBackt jeden Sonntag; am liebsten ")
    assert note.endswith(" Streuselkuchen mit Äpfeln aus dem eigenen Garten")
    assert said(properties, "URL") == ["https://anna.example/"]
    labels = {each.group: each.value for each in properties if each.name == "X-ABLABEL"}
    of_group = {each.group: each.value for each in properties if each.group and not each.name.startswith("X-AB")}
    assert labels["item1"] == "Verein"
    assert of_group["item1"] == "anna@verein.example"
    assert (labels["item2"], of_group["item2"]) == ("Garten", "+49 30 5551234")
    assert Image.open(io.BytesIO(found.card.photo)).size == (48, 48)
    written = card_text(found.card)
    assert "item2.TEL:+49 30 5551234\r\n" in written
    assert "item2.X-ABLabel:Garten\r\n" in written
    assert "TEL;TYPE=WORK,FAX:+49 30 7654322\r\n" in written


def test_cards_of_googles() -> None:
    bo, cy = sample("google-3.0.vcf")
    assert bo.contact == Contact(
        0, "Bo Li 李波", (ContactNumber("+86 139 1234 5678", MOBILE), ContactNumber("010-12345678 转 801", OTHER))
    )
    assert said(bo.card.properties, "N") == ["Li;Bo;;;"]
    assert said(bo.card.properties, "NOTE") == [r"第一行\n第二行 有逗号\, 有分号\;"]
    assert said(bo.card.properties, "CATEGORIES") == ["myContacts,Freunde"]
    # An address is given back and never fetched.
    assert said(bo.card.properties, "PHOTO") == ["https://lh3.googleusercontent.com/contacts/AAxyz-123_ab"]
    assert bo.card.photo == b""
    assert cy.contact.numbers == (ContactNumber("1-800-FLOWERS", WORK), ContactNumber("sip:cy@sip.example.org", OTHER))
    assert cy.card.photo == b"not a picture at all"


def test_a_card_of_outlooks() -> None:
    [found] = sample("outlook-2.1.vcf")
    properties = found.card.properties
    assert found.contact == Contact(
        0,
        "Frau Dörte Größe",
        (
            ContactNumber("+49 (30) 1234-567", WORK),
            ContactNumber("0170 7654321", MOBILE),
            ContactNumber("+49 (30) 1234-568", WORK),
        ),
    )
    assert said(properties, "N") == ["Größe;Dörte;;Frau"]
    assert said(properties, "ORG") == [r"Müller\, Meier & Co;Einkauf"]
    assert said(properties, "NOTE") == [r"Zeile eins\nZeile zwei\, mit Komma; und Strichpunkt\nGrüße"]
    assert said(properties, "ADR") == [r";;Straße 1\, Hof 2;Köln;;50667;Deutschland"]
    assert said(properties, "URL") == ["http://www.mueller.example/a,b"]
    assert Image.open(io.BytesIO(found.card.photo)).size == (48, 48)
    written = card_text(found.card)
    assert "QUOTED-PRINTABLE" not in written
    assert "CHARSET" not in written


def test_a_card_of_version_4() -> None:
    [found] = sample("version-4.0.vcf")
    assert found.contact == Contact(
        0,
        "Dana O'Neil",
        (ContactNumber("+44-20-7946-0018 ext. 5", MOBILE), ContactNumber("sip:dana@example.com", WORK)),
    )
    assert said(found.card.properties, "N") == ["O'Neil;Dana;Jo,Lee;;"]
    assert 'N;SORT-AS="Oneil,Dana":O\'Neil;Dana;Jo,Lee;;\r\n' in card_text(found.card, "4.0")
    assert "EMAIL;TYPE=work;PREF=1:dana@example.com\r\n" in card_text(found.card, "4.0")
    assert "EMAIL;TYPE=WORK,PREF:dana@example.com\r\n" in card_text(found.card, "3.0")
    assert Image.open(io.BytesIO(found.card.photo)).size == (48, 48)


# --- photos -----------------------------------------------------------------------------------------------------------


def test_a_photo_is_read_however_it_is_written_and_folded(subtests: pytest.Subtests) -> None:
    for photo, fold in product(
        [
            "PHOTO;ENCODING=b;TYPE=JPEG:{}",
            "PHOTO;TYPE=JPEG;ENCODING=BASE64:{}",
            "PHOTO;BASE64;JPEG:{}",
            "item1.PHOTO;ENCODING=b:{}",
            "PHOTO:data:image/jpeg;base64,{}",
            "PHOTO;MEDIATYPE=image/jpeg:data:;base64,{}",
        ],
        ["", "\r\n ", "\r\n"],
    ):
        with subtests.test(photo=photo, fold=fold):
            content = bytes(range(256)) * 300
            data = base64.b64encode(content).decode()
            folded = fold.join(data[start : start + 76] for start in range(0, len(data), 76))
            found = card("FN:Ann", photo.format(folded), "TEL:1", "NOTE:Hi")
            assert found.card.photo == content
            assert found.contact.numbers == (ContactNumber("1"),)
            assert said(found.card.properties, "NOTE") == ["Hi"]


@pytest.mark.parametrize(
    "photo",
    [
        "PHOTO;ENCODING=b:" + "A" * (2 * MAX_PHOTO_BYTES),
        "PHOTO;ENCODING=b:A",
        "PHOTO;ENCODING=b:!!!!",
        "PHOTO;ENCODING=b:",
        "PHOTO:file:///etc/passwd",
        "PHOTO;VALUE=uri:ftp://example.com/a.jpg",
        'PHOTO;";ENCODING=b:AAAA',
    ],
)
def test_a_photo_that_cannot_be_read_costs_the_photo_and_not_the_contact(photo: str) -> None:
    found = card("FN:Ann", photo, "TEL:1", "NOTE:Hi")
    assert (found.card.photo, found.photo_left_out, found.cut) == (b"", True, False)
    assert found.contact == Contact(0, "Ann", (ContactNumber("1"),))
    assert said(found.card.properties, "NOTE") == ["Hi"]


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "NOTE:" + "x" * 100_000,
        "NOTE:" + "x" * 40_000,
        "NOTE:" + "x" * 20_001,
        "NOTE;ENCODING=QUOTED-PRINTABLE:=FF=FE",
        "KEY-NO-ONE-KNOWS",
        "NOTE:a\x07b",
        'NOTE;X="a\x1bb":hello',
        "X-" + "A" * 100 + ":hello",
        "X-LOGO;ENCODING=b:AAAA",
        f"IMPP:sip:{'a' * 80}@example.com",
        "TEL:" + "1" * 80,
    ],
)
def test_what_cannot_be_kept_is_left_out_and_said_and_the_rest_stays(line: str) -> None:
    found = card("FN:Ann", "EMAIL:a@example.com", line, "TITLE:Boss", "TEL:1")
    assert found.cut
    assert found.contact == Contact(0, "Ann", (ContactNumber("1"),))
    assert said(found.card.properties, "EMAIL") == ["a@example.com"]
    assert said(found.card.properties, "TITLE") == ["Boss"]


@pytest.mark.parametrize("line", ["SOUND;ENCODING=b:AAAA", "KEY:x", "AGENT:x", "REV:2026", "PRODID:x"])
def test_what_says_nothing_of_a_person_is_no_loss(line: str) -> None:
    found = card("FN:Ann", line)
    assert (found.cut, found.card.properties) == (False, ())


def test_only_so_much_is_kept_of_a_card() -> None:
    found = card("FN:Ann", *[f"EMAIL:a{number}@example.com" for number in range(500)])
    assert found.cut
    assert len(found.card.properties) == MAX_PROPERTIES
    found = card("FN:Ann", *[f"NOTE:{number} {'x' * 2000}" for number in range(30)])
    assert found.cut
    assert len(properties_json(found.card.properties).encode()) <= MAX_PROPERTIES_BYTES
    assert len(found.card.properties) == 23


def test_a_property_that_would_be_more_than_one_line_of_a_card_is_none(subtests: pytest.Subtests) -> None:
    for raw in [
        {"name": "BEGIN", "value": "VCARD"},
        {"name": "FN", "value": "x"},
        {"name": "END", "value": "VCARD"},
        {"name": "NOTE", "value": ""},
        {"name": "note", "value": "x"},
        {"name": "NOTE\n", "value": "x"},
        {"name": "NOTE", "value": "x\r\nEND:VCARD"},
        {"name": "NOTE", "value": "x\u2028y"},
        {"name": "NOTE", "value": "x", "group": "a.b"},
        {"name": "NOTE", "value": "x", "group": "a\n"},
        {"name": "NOTE", "value": "x", "more": 1},
        {"name": "NOTE", "value": "x" * 20_001},
        {"name": "NOTE", "value": "x", "parameters": [{"name": "TYPE", "values": []}]},
        {"name": "NOTE", "value": "x", "parameters": [{"name": "TYPE", "values": ['a"b']}]},
        {"name": "NOTE", "value": "x", "parameters": [{"name": "TYPE", "values": ["a\nb"]}]},
        {"name": "NOTE", "value": "x", "parameters": [{"name": "A:B", "values": ["a"]}]},
    ]:
        with subtests.test(raw=raw), pytest.raises(ValidationError):
            CardProperty.model_validate(raw)


lines = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80)
NAMES = ["NOTE", "TITLE", "EMAIL", "X-THING"]


@given(st.sampled_from(NAMES), lines, st.sampled_from(VERSIONS))
def test_whatever_text_a_line_holds_comes_back(name: str, text: str, version: Version) -> None:
    before = card("FN:Ann", f"{name}:{text}").card
    [after] = read(card_text(before, version).encode())
    assert after.card == before


@given(st.binary(max_size=300))
def test_no_bytes_in_what_is_kept_cost_the_contact(data: bytes) -> None:
    content = b"NOTE:" + data.replace(b"\r", b" ").replace(b"\n", b"\r\n ")
    [found] = read(b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\n" + content + b"\r\nTEL:1\r\nEND:VCARD\r\n")
    assert found.contact == Contact(0, "Ann", (ContactNumber("1"),))
    CardLine.model_validate_json(CardLine.of(found.card).model_dump_json())


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_what_the_reading_process_hands_over_is_what_it_read(path: Path) -> None:
    for found in sample(path.name):
        assert CardLine.model_validate_json(CardLine.of(found.card).model_dump_json()).card == found.card
        assert read_properties(properties_json(found.card.properties)) == found.card.properties


# --- changes ----------------------------------------------------------------------------------------------------------


def kept(*lines_: str) -> Properties:
    return card("FN:Ann", *lines_).card.properties


def test_two_cards_of_one_person_become_one_without_loss_and_once_more_changes_nothing() -> None:
    there = kept("N:Smith;Ann;;;", "EMAIL:a@example.com", "item1.EMAIL:b@example.com", "item1.X-ABLabel:Club")
    more = kept(
        "N:Smyth;Ann;;;",
        "EMAIL;TYPE=HOME:A@example.com",
        "item1.URL:http://a.example",
        "item1.X-ABLabel:Blog",
        "NOTE:Hi",
    )
    both = merged(there, more)
    assert said(both, "N") == ["Smith;Ann;;;"]
    assert said(both, "EMAIL") == ["a@example.com", "b@example.com"]
    assert said(both, "NOTE") == ["Hi"]
    assert {(each.group, each.value) for each in both if each.group} == {
        ("item1", "b@example.com"), ("item1", "Club"), ("item2", "http://a.example"), ("item2", "Blog"),
    }  # fmt: skip
    assert merged(both, more) == both
    assert merged(both, there) == both


def test_a_group_that_has_no_room_is_left_out_as_a_whole_each_time() -> None:
    there = kept(*[f"NOTE:{number} {'x' * 11_800}" for number in range(4)])
    more = kept("item1.EMAIL:a@example.com", f"item1.X-ABLabel:{'y' * 1000}", "TITLE:Boss")
    both = merged(there, more)
    assert both == (*there, *kept("TITLE:Boss"))
    assert merged(both, more) == both


@given(st.lists(st.sampled_from(kept("NOTE:a", "NOTE:b", "item1.URL:c", "item1.X-ABLabel:d", "BDAY:e", "item2.URL:f"))))
def test_what_is_there_stays_whatever_is_added(some: list[CardProperty]) -> None:
    there = kept("NOTE:a", "BDAY:x", "item1.EMAIL:y")
    both = merged(there, tuple(some))
    assert both[: len(there)] == there
    assert merged(both, tuple(some)) == both


def test_a_number_that_is_gone_takes_along_what_its_card_said_of_it() -> None:
    properties = kept(
        "item1.TEL:1001", "item1.X-ABLabel:Shed", "TEL;TYPE=FAX,WORK:1002", "IMPP:sip:a@example.com", "NOTE:x"
    )
    numbers = (ContactNumber("1002"), ContactNumber("sip:a@example.com"))
    left = of_contact(properties, Contact(0, "Ann", numbers))
    assert [(each.name, each.value) for each in left] == [("TEL", "1002"), ("IMPP", "sip:a@example.com"), ("NOTE", "x")]


def test_another_name_has_other_parts() -> None:
    properties = kept("N:Smith;Ann;;;", "SORT-STRING:Smith", "X-PHONETIC-LAST-NAME:s", "NICKNAME:Annie", "NOTE:x")
    assert [each.name for each in without_name(properties)] == ["NICKNAME", "NOTE"]


def test_what_a_number_is_may_be_changed_and_the_card_says_so() -> None:
    [found] = read(b"BEGIN:VCARD\r\nFN:Ann\r\nitem1.TEL;TYPE=WORK,FAX:1\r\nitem1.X-ABLabel:x\r\nEND:VCARD\r\n")
    changed = replace(found.contact, numbers=(ContactNumber("1", NumberKind.HOME),))
    written = card_text(Card(changed, found.card.properties))
    assert "item1.TEL;TYPE=HOME,FAX:1\r\n" in written


def test_bounded_keeps_all_where_all_fits() -> None:
    properties = kept("NOTE:a", "NOTE:b")
    assert bounded(properties) == properties
