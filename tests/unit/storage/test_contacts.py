from firmware.ports import CallerContact
from tests.lab.store import StoreLab


async def _name_of(lab: StoreLab, number: str) -> str:
    contact = await lab.contacts.contact_of(number)
    return contact.name if contact else ""


async def test_a_known_number_has_its_name_however_it_is_written(lab: StoreLab) -> None:
    await lab.contacts.add("Ann 安", ["+86 139 1234 5678", "1001"])
    for number in ("13912345678", "+8613912345678", "sip:+8613912345678@sip.example.org", "1001"):
        assert await _name_of(lab, number) == "Ann 安"


async def test_nobody_has_an_unknown_or_withheld_number(lab: StoreLab) -> None:
    await lab.contacts.add("Ann", ["+8613912345678"])
    for number in ("", "13912345679", "10086", "sip:ann@example.org"):
        assert await _name_of(lab, number) == ""


async def test_the_whole_number_wins_over_one_without_its_area_code(lab: StoreLab) -> None:
    await lab.contacts.add("Corner shop", ["12345678"])
    await lab.contacts.add("Ann in Beijing", ["010 1234 5678"])
    assert await _name_of(lab, "+861012345678") == "Ann in Beijing"
    assert await _name_of(lab, "+862112345678") == "Corner shop"


async def test_a_number_without_area_code_that_fits_several_names_nobody(lab: StoreLab) -> None:
    await lab.contacts.add("Ann in Beijing", ["010 1234 5678"])
    await lab.contacts.add("Bo in Shanghai", ["021 1234 5678"])
    assert await _name_of(lab, "12345678") == ""


async def test_contacts_are_listed_by_name_with_their_numbers_as_typed(lab: StoreLab) -> None:
    bo = await lab.contacts.add("Bo", ["010-1234", "010-1234", "(2) 2"])
    ann = await lab.contacts.add("Ann", [])
    found = await lab.contacts.list()
    assert [(contact.contact_id, contact.name, contact.numbers) for contact in found] == [
        (ann, "Ann", ()),
        (bo, "Bo", ("010-1234", "(2) 2")),
    ]


async def test_a_removed_contact_takes_its_numbers_along(lab: StoreLab) -> None:
    contact_id = await lab.contacts.add("Ann", ["1001"])
    assert await lab.contacts.remove(contact_id)
    assert not await lab.contacts.remove(contact_id)
    assert await _name_of(lab, "1001") == ""
    assert await lab.store.run(lambda database: database.query("SELECT * FROM contact_numbers")) == []


async def test_the_call_log_shows_the_name_that_the_number_has_now(lab: StoreLab) -> None:
    await lab.make_call("+8613912345678")
    await lab.contacts.add("Ann", ["13912345678"])
    [entry] = await lab.call_log.recent(1)
    assert (entry.number, entry.name) == ("+8613912345678", "Ann")


async def test_a_contact_can_have_a_ring_of_its_own(lab: StoreLab) -> None:
    await lab.contacts.add("Ann", ["13912345678"], ring="priority")
    assert await lab.contacts.contact_of("+8613912345678") == CallerContact("Ann", "priority")
