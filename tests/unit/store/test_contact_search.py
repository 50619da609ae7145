import pytest

from tests.lab.store import StoreLab

PEOPLE = {
    "张伟": ["+86 139 1234 5678"],
    "单雄信": ["1001"],
    "吕布": ["021-5555 0000"],
    "李Anna": [],
    "Émile Müller": ["+44 (0)20 7946 0018"],
    "Anna-Lena O'Brien": ["0049 30 901820"],
    "重庆火锅": ["023 6789 0123"],
    "Søren": ["sip:soren@example.org"],
}


@pytest.fixture
async def book(lab: StoreLab) -> StoreLab:
    for name, numbers in PEOPLE.items():
        await lab.add_contact(name, numbers)
    return lab


async def found(lab: StoreLab, keys: str, limit: int = 8) -> list[str]:
    return [match.name for match in await lab.contacts.search(keys, limit)]


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("94264934", "张伟"),
        ("9426", "张伟"),
        ("99", "张伟"),
        ("934", "张伟"),
        ("742694664946", "单雄信"),
        ("799", "单雄信"),
        ("326", "单雄信"),
        ("58", "吕布"),
        ("542662", "李Anna"),
        ("52", "李Anna"),
        ("36453", "Émile Müller"),
        ("6855", "Émile Müller"),
        ("36", "Émile Müller"),
        ("26625362", "Anna-Lena O'Brien"),
        ("62743", "Anna-Lena O'Brien"),
        ("24664", "重庆火锅"),
        ("94664", "重庆火锅"),
        ("76736", "Søren"),
    ],
)
async def test_a_name_is_found_by_its_sound_or_its_letters(book: StoreLab, keys: str, name: str) -> None:
    assert name in await found(book, keys)


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("139", "张伟"),
        ("+86139", "张伟"),
        ("0086139", "张伟"),
        ("86139", "张伟"),
        ("0139", "张伟"),
        ("2345678", "张伟"),
        ("1001", "单雄信"),
        ("02155", "吕布"),
        ("2155", "吕布"),
        ("5550000", "吕布"),
        ("+4420", "Émile Müller"),
        ("004420", "Émile Müller"),
        ("0901820", "Anna-Lena O'Brien"),
        ("004930", "Anna-Lena O'Brien"),
    ],
)
async def test_a_number_is_found_however_its_beginning_is_dialled(book: StoreLab, keys: str, name: str) -> None:
    assert name in await found(book, keys)


async def test_what_a_country_puts_before_numbers_alone_finds_all_that_are_dialled_so(book: StoreLab) -> None:
    abroad = ["Émile Müller", "Anna-Lena O'Brien"]
    assert await found(book, "0") == ["张伟", "吕布", "重庆火锅", *abroad]
    assert await found(book, "00") == abroad
    await book.add_contact("Desk", ["0123"])
    assert (await found(book, "01"))[0] == "Desk"
    assert "Desk" in await found(book, "0")


async def test_the_number_that_fits_is_the_one_that_is_shown(lab: StoreLab) -> None:
    await lab.add_contact("Ann", ["1001", "13912345678"])
    [by_name] = await lab.contacts.search("266", 8)
    [by_number] = await lab.contacts.search("139", 8)
    assert (by_name.number, by_number.number) == ("1001", "13912345678")


async def test_a_name_that_begins_so_comes_before_other_words_and_these_before_numbers(lab: StoreLab) -> None:
    await lab.add_contact("Zed", ["2661"])
    await lab.add_contact("Mary Ann", [])
    await lab.add_contact("Anna", [])
    await lab.add_contact("Ann", [])
    assert await found(lab, "266") == ["Ann", "Anna", "Mary Ann", "Zed"]
    assert await found(lab, "266", 2) == ["Ann", "Anna"]


async def test_nobody_is_found_twice(lab: StoreLab) -> None:
    await lab.add_contact("Ann Annabel Anne", ["266", "2661"])
    assert await found(lab, "26") == ["Ann Annabel Anne"]


async def test_however_many_ways_one_name_is_spelled_the_others_are_found(lab: StoreLab) -> None:
    await lab.add_contact("单曾解重单曾解重", [str(number) for number in range(7000, 7020)])
    await lab.add_contact("Zoe", ["7999"])
    assert await found(lab, "7") == ["单曾解重单曾解重", "Zoe"]


@pytest.mark.parametrize("keys", ["", "*", "#", "+", "*21#", "+9999", "0" * 200, "77777777777777", "abc"])
async def test_keys_that_mean_nobody_have_an_answer(book: StoreLab, keys: str) -> None:
    assert await found(book, keys) == []


async def test_a_changed_or_removed_contact_is_found_no_more(lab: StoreLab) -> None:
    contact_id = await lab.add_contact("Ann", ["1001"])
    contact = await lab.contacts.read(contact_id)
    assert contact is not None
    await lab.contacts.save(type(contact)(contact_id, "Bo", ()))
    assert await found(lab, "266") == await found(lab, "1001") == []
    assert await found(lab, "26") == ["Bo"]
    await lab.contacts.remove(contact_id)
    assert await found(lab, "26") == []
    assert await lab.store.run(lambda database: database.query("SELECT * FROM contact_keys")) == []
