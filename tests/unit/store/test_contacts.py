from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.phone.contact import Contact, ContactNumber, NumberKind
from firmware.ports.store import CallerContact
from firmware.store.contact_merge import MergeCount
from tests.lab.store import StoreLab


async def _name_of(lab: StoreLab, number: str) -> str:
    contact = await lab.contacts.contact_of(number)
    return contact.name if contact else ""


async def test_a_known_number_has_its_name_however_it_is_written(lab: StoreLab) -> None:
    await lab.add_contact("Ann 安", ["+86 139 1234 5678", "1001"])
    for number in ("13912345678", "+8613912345678", "sip:+8613912345678@sip.example.org", "1001"):
        assert await _name_of(lab, number) == "Ann 安"


async def test_nobody_has_an_unknown_or_withheld_number(lab: StoreLab) -> None:
    await lab.add_contact("Ann", ["+8613912345678"])
    for number in ("", "13912345679", "10086", "sip:ann@example.org"):
        assert await _name_of(lab, number) == ""


async def test_the_whole_number_wins_over_one_without_its_area_code(lab: StoreLab) -> None:
    await lab.add_contact("Corner shop", ["12345678"])
    await lab.add_contact("Ann in Beijing", ["010 1234 5678"])
    assert await _name_of(lab, "+861012345678") == "Ann in Beijing"
    assert await _name_of(lab, "+862112345678") == "Corner shop"


async def test_a_number_without_area_code_that_fits_several_names_nobody(lab: StoreLab) -> None:
    await lab.add_contact("Ann in Beijing", ["010 1234 5678"])
    await lab.add_contact("Bo in Shanghai", ["021 1234 5678"])
    assert await _name_of(lab, "12345678") == ""


async def test_a_contact_is_read_as_it_was_kept(lab: StoreLab) -> None:
    numbers = (ContactNumber("010-1234", NumberKind.WORK), ContactNumber("(2) 2", NumberKind.HOME))
    kept = await lab.contacts.save(Contact(0, "Bo", numbers, ring="priority", blocked=True, picture="p1"))
    assert kept.contact_id
    assert await lab.contacts.read(kept.contact_id) == kept
    changed = await lab.contacts.save(replace(kept, name="Bob", numbers=numbers[1:], blocked=False))
    assert await lab.contacts.read(kept.contact_id) == changed
    assert await lab.contacts.count() == 1
    assert await lab.contacts.read(99) is None


async def test_what_cannot_be_shown_is_left_out_of_a_name_and_a_long_one_is_cut(lab: StoreLab) -> None:
    kept = await lab.contacts.save(
        Contact(0, "\u202eevil\u202c\x00 \n name", (ContactNumber("\uff11\uff13\uff19 1234"),))
    )
    assert (kept.name, kept.numbers[0].number) == ("evil name", "139 1234")
    long = await lab.contacts.save(Contact(0, "x" * 10_000, (ContactNumber("1" * 10_000),)))
    assert (long.name, long.numbers) == ("x" * 80, ())


async def test_a_removed_contact_takes_its_numbers_along(lab: StoreLab) -> None:
    contact_id = await lab.add_contact("Ann", ["1001"])
    assert await lab.contacts.remove(contact_id)
    assert not await lab.contacts.remove(contact_id)
    assert await _name_of(lab, "1001") == ""
    assert await lab.store.run(lambda database: database.query("SELECT * FROM contact_numbers")) == []


async def test_the_call_log_shows_the_name_that_the_number_has_now(lab: StoreLab) -> None:
    await lab.make_call("+8613912345678")
    await lab.add_contact("Ann", ["13912345678"])
    [entry] = await lab.call_log.recent(1)
    assert (entry.number, entry.name, entry.contact_id) == ("+8613912345678", "Ann", 1)


async def test_a_contact_can_have_a_ring_of_its_own(lab: StoreLab) -> None:
    await lab.add_contact("Ann", ["13912345678"], ring="priority")
    assert await lab.contacts.contact_of("+8613912345678") == CallerContact("Ann", "priority", contact_id=1)


async def test_the_numbers_of_blocked_contacts_are_known(lab: StoreLab) -> None:
    await lab.add_contact("Ann", ["1001"])
    await lab.add_contact("Pest", ["1002", "+8613912345678"], blocked=True)
    assert set(await lab.contacts.blocked_numbers()) == {"1002", "+8613912345678"}
    assert await lab.contacts.contact_of("13912345678") == CallerContact("Pest", blocked=True, contact_id=2)


# --- order ---


async def names(lab: StoreLab, first: int = 0, limit: int = 100) -> list[str]:
    return [contact.name for contact in await lab.contacts.listed(first, limit)]


async def test_latin_and_chinese_names_stand_in_one_order(lab: StoreLab) -> None:
    for name in ("周杰", "Zoë", "安妮", "ann", "Änne", "Bob", "单雄信", "李娜", "7-Eleven", "Ли", "Ann"):
        await lab.add_contact(name, [])
    assert await names(lab) == [
        "7-Eleven", "安妮", "Ann", "ann", "Änne", "Bob", "李娜", "单雄信", "周杰", "Zoë", "Ли",
    ]  # fmt: skip


@pytest.mark.parametrize("total", [1, 2, 7, 40])
async def test_every_stretch_of_the_list_is_part_of_the_whole(lab: StoreLab, total: int) -> None:
    await lab.contacts.merge([Contact(0, f"Name {number % 13} {number}") for number in range(total)])
    whole = await names(lab)
    assert len(whole) == total
    for first in range(total + 2):
        for limit in (0, 1, 3, 50):
            assert await names(lab, first, limit) == whole[first : first + limit]


# --- merging ---

ANN = Contact(0, "Ann", (ContactNumber("+86 139 1234 5678", NumberKind.MOBILE),))


async def test_the_same_contact_is_not_added_twice_and_gets_the_numbers_that_it_lacks(lab: StoreLab) -> None:
    assert await lab.contacts.merge([ANN]) == MergeCount(added=1)
    assert await lab.contacts.merge([ANN]) == MergeCount(known=1)
    more = Contact(0, "Ann", (ContactNumber("13912345678"), ContactNumber("1001", NumberKind.WORK)))
    assert await lab.contacts.merge([more]) == MergeCount(completed=1)
    [ann] = await lab.contacts.after(0, 10)
    assert ann.numbers == (*ANN.numbers, more.numbers[1])


async def test_another_person_of_the_same_name_is_another_contact(lab: StoreLab) -> None:
    other = Contact(0, "Ann", (ContactNumber("1002"),))
    assert await lab.contacts.merge([ANN, other]) == MergeCount(added=2)
    assert await lab.contacts.merge([Contact(0, "Ann")]) == MergeCount(known=1)


_cards = st.lists(
    st.builds(
        lambda name, numbers: Contact(0, name, tuple(map(ContactNumber, numbers))),
        st.sampled_from(["Ann", "ann", "Bo", "王伟"]),
        st.lists(st.sampled_from(["1001", "1002", "13912345678", "+8613912345678", "010 1234 5678", "12345678"])),
    ),
    max_size=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_cards)
async def test_merging_the_same_contacts_once_more_changes_nothing(lab: StoreLab, contacts: list[Contact]) -> None:
    await lab.contacts.merge(contacts)
    before = await lab.contacts.after(0, 1000)
    again = await lab.contacts.merge(contacts)
    assert again == MergeCount(known=len(contacts))
    assert await lab.contacts.after(0, 1000) == before


async def test_a_full_address_book_refuses_more_and_says_so(lab: StoreLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware.store.contacts.MAX_CONTACTS", 2)
    three = [Contact(0, name) for name in ("Ann", "Bo", "Cy")]
    assert await lab.contacts.merge(three) == MergeCount(added=2, refused=1)


async def test_contacts_of_an_older_firmware_are_spelled_when_the_store_opens(lab: StoreLab) -> None:
    await lab.store.run(lambda database: database.execute("INSERT INTO contacts (name) VALUES ('Ann')"))
    assert await lab.contacts.search("266", 8) == ()
    assert await lab.contacts.spell_anew()
    assert not await lab.contacts.spell_anew()
    assert [match.name for match in await lab.contacts.search("266", 8)] == ["Ann"]
