import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.contact import Contact, ContactNumber, NumberKind, cleaned, vcard_text
from firmware.vcard import reader
from firmware.vcard.cards import Broken, Mistake
from firmware.vcard.properties import Card, Version
from firmware.vcard.reader import Read, read_contacts
from firmware.vcard.writer import card_text

KINDS = list(NumberKind)
MOBILE, HOME, WORK, OTHER = KINDS


def read(data: bytes | str) -> list[Read | Broken]:
    return list(read_contacts(io.BytesIO(data.encode() if isinstance(data, str) else data)))


def card(*lines: str, version: str = "3.0") -> str:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def contact(data: bytes | str) -> Contact:
    [found] = read(data)
    assert isinstance(found, Read), found
    return found.contact


def test_version_3_with_types_in_one_parameter_or_several() -> None:
    found = contact(
        card("N:Müller;Ann;;;", "FN:Ann Müller", "TEL;TYPE=CELL,VOICE:+49 30 1", "TEL;TYPE=voice;TYPE=work:22", "TEL:3")
    )
    assert found == Contact(
        0, "Ann Müller", (ContactNumber("+49 30 1", MOBILE), ContactNumber("22", WORK), ContactNumber("3", OTHER))
    )


def test_version_4_with_uris_quoted_types_and_preference() -> None:
    found = contact(
        card(
            "FN:王伟",
            'TEL;VALUE=uri;TYPE="home,voice":tel:+86-10-1234-5678;ext=7',
            'TEL;VALUE=uri;PREF=1;TYPE="cell":tel:+8613912345678',
            version="4.0",
        )
    )
    assert found == Contact(
        0, "王伟", (ContactNumber("+8613912345678", MOBILE), ContactNumber("+86-10-1234-5678 ext. 7", HOME))
    )


def test_version_2_1_in_quoted_printable_with_soft_line_breaks_and_bare_types() -> None:
    found = contact(
        card(
            "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E7=8E=8B;=E4=BC=9F;;;",
            "FN;ENCODING=quoted-printable;CHARSET=UTF-8:=E7=8E=8B=",
            "=E4=BC=9F",
            "TEL;CELL;PREF:13912345678",
            version="2.1",
        )
    )
    assert found == Contact(0, "王伟", (ContactNumber("13912345678", MOBILE),))


def test_names_as_old_and_new_phones_write_them(subtests: pytest.Subtests) -> None:
    for data, name in [
        (card("FN;CHARSET=GBK:王伟").encode("gbk"), "王伟"),
        (card("FN:王伟").encode("gb2312"), "王伟"),
        (card("FN:Zoë Müller").encode("cp1252"), "Zoë Müller"),
        (card("FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller", version="2.1").encode(), "Müller"),
        (b"\xef\xbb\xbf" + card("FN:Zoë").encode(), "Zoë"),
        (card("FN:王伟").encode("utf-16"), "王伟"),
        (card("FN:folded", " over two").replace("\r\n", "\n").encode(), "foldedover two"),
        (card(r"FN:Smith\, Ann\; PhD").encode(), "Smith, Ann; PhD"),
        (card("N:Smith;Ann;;Dr.;").encode(), "Dr. Ann Smith"),
        (card("N:王;伟;;;").encode(), "王伟"),
        (card("ORG:Corner Shop;Sales").encode(), "Corner Shop Sales"),
        (card("TEL:2001").encode(), "2001"),
        (card("item1.FN:Grouped").encode(), "Grouped"),
    ]:
        with subtests.test(data=data, name=name):
            assert contact(data).name == name


def test_a_broken_card_is_named_by_its_line_and_the_others_are_read() -> None:
    data = card("FN:Ann", "TEL:1") + card("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=nonsense:=E7") + card("FN:Bo", "TEL:2")
    ann, broken, bo = read(data)
    assert isinstance(ann, Read)
    assert isinstance(bo, Read)
    assert broken == Broken(6, Mistake.UNREADABLE)
    assert (ann.line, bo.line) == (1, 10)


@pytest.mark.parametrize(
    ("data", "broken"),
    [
        ("hello\nworld\n", Broken(1, Mistake.NOT_A_CARD)),
        ("BEGIN:VCARD\nFN:Ann\n", Broken(1, Mistake.UNFINISHED)),
        ("BEGIN:VCARD\nEND:VCARD\n", Broken(1, Mistake.EMPTY)),
        ("BEGIN:VCARD\nFN:Ann\nno property\nEND:VCARD\n", Broken(3, Mistake.UNREADABLE)),
        ("BEGIN:VCARD\nFN:" + "x" * 100_000 + "\nEND:VCARD\n", Broken(2, Mistake.TOO_LONG)),
        ("BEGIN:VCARD\n" + "TEL:1234567890\n" * 10_000 + "END:VCARD\n", Broken(4683, Mistake.TOO_LONG)),
    ],
)
def test_what_is_wrong_and_where(data: str, broken: Broken) -> None:
    [found] = read(data)
    assert isinstance(found, Broken)
    assert found.mistake is broken.mistake
    if broken.mistake is not Mistake.TOO_LONG:
        assert found == broken


def test_a_card_that_was_not_finished_does_not_take_the_next_one_along() -> None:
    unfinished, found = read("BEGIN:VCARD\nFN:Ann\n" + card("FN:Bo"))
    assert unfinished == Broken(1, Mistake.UNFINISHED)
    assert isinstance(found, Read)
    assert found.contact.name == "Bo"


def test_a_file_that_is_made_to_be_long_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_CARDS", 3)
    assert [type(found) for found in read(card("FN:Ann") * 3)] == [Read, Read, Read]
    *_, last = read(card("FN:Ann") * 2 + "BEGIN:VCARD\nEND:VCARD\n" * 5)
    assert last == Broken(11, Mistake.TOO_MANY)


def test_a_picture_of_ten_megabytes_within_a_card_is_read_past() -> None:
    line = "A" * 76
    folded = "PHOTO;ENCODING=b;TYPE=JPEG:" + "\r\n ".join([line] * 60_000)
    unfolded = "PHOTO;ENCODING=BASE64:" + "A" * 5_000_000
    bare = "PHOTO;ENCODING=BASE64:\r\n" + "\r\n".join([line] * 1000) + "\r\n"
    for photo in (folded, unfolded, bare):
        assert contact(card("FN:Ann", photo, "TEL:1")) == Contact(0, "Ann", (ContactNumber("1", OTHER),))


def test_a_name_of_ten_thousand_characters_is_cut_and_said_to_be() -> None:
    [found] = read(card("FN:" + "x" * 10_000))
    assert isinstance(found, Read)
    assert (len(found.contact.name), found.cut) == (80, True)
    [found] = read(card("FN:\u202eAnn\u202c"))
    assert isinstance(found, Read)
    assert (found.contact.name, found.cut) == ("Ann", False)


contacts = st.builds(
    lambda name, numbers: cleaned(Contact(0, name, tuple(numbers))),
    st.text(min_size=1, max_size=100).filter(lambda name: bool(cleaned(Contact(0, name)).name)),
    st.lists(
        st.builds(ContactNumber, st.text("0123456789+ -()", min_size=1, max_size=20), st.sampled_from(NumberKind))
    ),
)


@given(contacts, st.sampled_from(["3.0", "4.0"]))
def test_what_is_written_is_what_is_read(written: Contact, version: Version) -> None:
    assert contact(card_text(Card(written), version)) == written


@given(contacts)
def test_the_code_that_shares_a_contact_says_the_same(written: Contact) -> None:
    found = contact(vcard_text(written))
    assert (found.name, found.numbers) == (written.name, written.numbers[:5])


@given(st.binary(max_size=400))
def test_no_bytes_at_all_are_more_than_broken(data: bytes) -> None:
    for found in read(b"BEGIN:VCARD\r\n" + data + b"\r\nEND:VCARD\r\n"):
        assert isinstance(found, Read | Broken)
