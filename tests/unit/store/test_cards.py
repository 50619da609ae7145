"""What is kept of contacts' cards, and their photos, in the store."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from contract.consent import Actor, Channel
from firmware.base.errors import StorageError
from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.phone.my_data import DataCategory
from firmware.pictures.pixels import Pixels
from firmware.store import pictures as pictures_module
from firmware.store.contact_merge import MergeCount
from firmware.store.database import Database
from firmware.store.pictures import FOLDER_NAME
from firmware.vcard.properties import MAX_PROPERTIES_BYTES, Card, CardParameter, CardProperty, Properties
from tests.lab.store import StoreLab

ANN = Contact(0, "Ann Smith", (ContactNumber("+8613912345678", NumberKind.MOBILE), ContactNumber("1001")))
NAME = CardProperty(name="N", value="Smith;Ann;;;")
MAIL = CardProperty(name="EMAIL", value="ann@example.com", parameters=(CardParameter(name="TYPE", values=("HOME",)),))
NOTE = CardProperty(name="NOTE", value="likes tea")
SHED = CardProperty(name="TEL", value="1001", group="item1")
LABEL = CardProperty(name="X-ABLABEL", value="Shed", group="item1")
ALL = (NAME, MAIL, NOTE, SHED, LABEL)
PIXELS = Pixels(2, 1, bytes(range(6)))


async def properties(lab: StoreLab) -> Properties:
    [card] = await lab.contacts.cards_after(0, 10)
    return card.properties


def files(lab: StoreLab) -> Sequence[str]:
    return [path.name for path in (lab.path.parent / FOLDER_NAME).glob("*")]


async def keys(lab: StoreLab) -> int:
    return int((await lab.store.run(lambda database: database.query("SELECT count(*) FROM pictures")))[0][0])


async def test_what_a_card_says_is_kept_and_given_back(lab: StoreLab) -> None:
    merged = await lab.contacts.merge_cards([Card(ANN, ALL)])
    assert (merged.count, merged.wanting) == (MergeCount(added=1), (1,))
    assert await lab.contacts.cards_after(0, 10) == (Card(replace(ANN, contact_id=1), ALL),)


async def test_two_cards_of_one_contact_become_one_and_the_same_ones_once_more_change_nothing(lab: StoreLab) -> None:
    other = Card(replace(ANN, numbers=(ContactNumber("1001"), ContactNumber("1002"))), (MAIL, NOTE))
    await lab.contacts.merge_cards([Card(ANN, (NAME, MAIL))])
    assert (await lab.contacts.merge_cards([other])).count == MergeCount(completed=1)
    assert await properties(lab) == (NAME, MAIL, NOTE)
    before = await lab.contacts.cards_after(0, 10)
    assert (await lab.contacts.merge_cards([other, Card(ANN, (NAME, MAIL))])).count == MergeCount(known=2)
    assert await lab.contacts.cards_after(0, 10) == before


async def test_what_the_phone_changes_leaves_the_rest_of_the_card(lab: StoreLab) -> None:
    await lab.contacts.merge_cards([Card(ANN, ALL)])
    contact = await lab.contacts.read(1)
    assert contact is not None
    await lab.contacts.save(replace(contact, ring="priority", blocked=True))
    assert await properties(lab) == ALL
    await lab.contacts.save(replace(contact, numbers=contact.numbers[:1]))
    assert await properties(lab) == (NAME, MAIL, NOTE)
    await lab.contacts.save(replace(contact, name="Ann Jones"))
    assert await properties(lab) == (MAIL, NOTE)


@pytest.mark.parametrize("by_kind", [False, True])
async def test_what_was_on_the_card_goes_with_the_contact(lab: StoreLab, *, by_kind: bool) -> None:
    await lab.contacts.merge_cards([Card(ANN, (*ALL, CardProperty(name="NOTE", value="canary-3f9a")))])
    if by_kind:
        await lab.erasure.erase([DataCategory.CONTACTS], actor=Actor.HOLDER, channel=Channel.KEYPAD)
    else:
        assert await lab.contacts.remove(1)
    rows = await lab.store.run(lambda database: database.query("SELECT properties FROM contacts"))
    assert rows == []


async def test_no_more_is_kept_than_may_be_whoever_hands_it_over(lab: StoreLab) -> None:
    notes = tuple(CardProperty(name="NOTE", value=f"{number}" + "x" * 15_000) for number in range(3))
    await lab.contacts.merge_cards([Card(ANN, notes)])
    await lab.contacts.merge_cards([Card(ANN, (NOTE, CardProperty(name="NOTE", value="y" * 7000)))])
    assert await properties(lab) == (*notes, NOTE)
    with pytest.raises(StorageError):
        await lab.store.transact(
            lambda database: database.execute("UPDATE contacts SET properties = ?", "x" * (MAX_PROPERTIES_BYTES + 1))
        )


# --- numbers ----------------------------------------------------------------------------------------------------------


async def test_the_extensions_behind_one_number_are_numbers_of_their_own(lab: StoreLab) -> None:
    desk = [ContactNumber("010-12345678 ext. 12"), ContactNumber("010-12345678 ext. 13"), ContactNumber("010-12345678")]
    for number in desk:
        await lab.contacts.merge([Contact(0, "Ann", (ContactNumber("1001"), number))])
    assert [each.numbers for each in await lab.contacts.after(0, 10)] == [(ContactNumber("1001"), *desk)]
    same = Contact(
        0, "Ann", (ContactNumber("1001"), ContactNumber("+86 10 12345678,12"), ContactNumber("1012345678x13"))
    )
    assert await lab.contacts.merge([same]) == MergeCount(known=1)


@pytest.mark.parametrize(
    "number", ["010-12345678 ext. 12", "01012345678,12", "+861012345678;ext=12", "010 12345678转12"]
)
async def test_a_caller_is_known_by_the_number_before_the_extension(lab: StoreLab, number: str) -> None:
    await lab.add_contact("Ann", [number])
    contact = await lab.contacts.contact_of("+861012345678")
    assert contact is not None
    assert contact.name == "Ann"


async def test_a_number_with_many_extensions_is_called_by_whoever_has_it_alone_or_by_nobody(lab: StoreLab) -> None:
    await lab.add_contact("Ann", ["010-12345678 ext. 12"])
    await lab.add_contact("Bo", ["010-12345678 ext. 13"])
    assert await lab.contacts.contact_of("+861012345678") is None
    await lab.add_contact("Office", ["010-12345678"])
    contact = await lab.contacts.contact_of("+861012345678")
    assert contact is not None
    assert contact.name == "Office"


# --- photos -----------------------------------------------------------------------------------------------------------


async def test_a_photo_is_the_contact_s_picture_and_none_of_the_holder_s_own(lab: StoreLab) -> None:
    await lab.contacts.merge_cards([Card(ANN)])
    assert await lab.pictures.add_photo(1, PIXELS)
    contact = await lab.contacts.read(1)
    assert contact is not None
    assert await lab.pictures.read(contact.picture) == PIXELS
    assert (await lab.contacts.merge_cards([Card(ANN)])).wanting == (0,)
    assert await lab.pictures.list() == ()
    assert await lab.pictures.names() == (contact.picture,)
    await lab.pictures.sweep()
    assert files(lab) == [contact.picture]


async def test_a_contact_that_has_a_picture_or_is_gone_gets_none(lab: StoreLab) -> None:
    await lab.contacts.save(replace(ANN, picture="chosen"))
    assert not await lab.pictures.add_photo(1, PIXELS)
    assert not await lab.pictures.add_photo(99, PIXELS)
    assert files(lab) == []
    assert await keys(lab) == 0


@pytest.mark.parametrize("end", ["removed", "erased", "given another", "taken away"])
async def test_a_photo_goes_with_its_contact_its_key_at_once(lab: StoreLab, end: str) -> None:
    await lab.contacts.merge_cards([Card(ANN)])
    await lab.pictures.add_photo(1, PIXELS)
    contact = await lab.contacts.read(1)
    assert contact is not None
    left: list[str] = []
    match end:
        case "removed":
            await lab.contacts.remove(1)
        case "erased":
            await lab.erasure.erase([DataCategory.CONTACTS], actor=Actor.HOLDER, channel=Channel.KEYPAD)
        case "given another":
            own = await lab.pictures.add("own", PIXELS)
            await lab.pictures.give_to(1, own.picture)
            left = [own.picture]
        case "taken away":
            await lab.contacts.save(replace(contact, picture=""))
    assert list(await lab.pictures.names()) == left
    assert files(lab) == left
    assert await lab.pictures.read(contact.picture) is None


async def test_erasing_pictures_leaves_contacts_without_their_photos(lab: StoreLab) -> None:
    await lab.contacts.merge_cards([Card(ANN, ALL)])
    await lab.pictures.add_photo(1, PIXELS)
    await lab.erasure.erase([DataCategory.PICTURES], actor=Actor.HOLDER, channel=Channel.KEYPAD)
    contact = await lab.contacts.read(1)
    assert contact is not None
    assert contact.picture == ""
    assert files(lab) == []
    assert await properties(lab) == ALL


async def test_there_is_room_for_so_many_photos(lab: StoreLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures_module, "MAX_PHOTOS", 1)
    await lab.contacts.merge_cards([Card(ANN), Card(replace(ANN, name="Bo"))])
    assert await lab.pictures.add_photo(1, PIXELS)
    with pytest.raises(StorageError):
        await lab.pictures.add_photo(2, PIXELS)
    await lab.pictures.add("own", PIXELS)


async def test_a_number_with_an_extension_that_an_older_firmware_has_kept_is_found_by_callers(lab: StoreLab) -> None:
    await lab.add_contact("Ann", ["010-12345678 ext. 12"])

    def as_before(database: Database) -> None:
        database.execute("UPDATE contact_numbers SET tail = number")
        database.execute("UPDATE contacts SET spelled_by = '2 CN'")

    await lab.store.transact(as_before)
    assert await lab.contacts.contact_of("+861012345678") is None
    while await lab.contacts.spell_anew():
        pass
    contact = await lab.contacts.contact_of("+861012345678")
    assert contact is not None
    assert contact.name == "Ann"
