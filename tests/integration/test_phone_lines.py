"""Two accounts on the whole handset: which of them is called, calls, and is out of order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.office import BOB, PERSON, Office
from tests.lab.person import Person
from tests.lab.stage import Choices

pytestmark = pytest.mark.feature("accounts")

SHOP = "202"
SHOP_PREFIX = "7"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    rewrite = {"pattern": f"{SHOP_PREFIX}xxx", "strip": 1, "account": "shop"}
    choices = Choices(
        extra={"account": {"name": "desk", "label": "Desk"}, "dialing": {"rewrite": [rewrite]}},
        more_accounts=[{"name": "shop", "label": "Shop", "username": SHOP}],
    )
    with Office(tmp_path_factory.mktemp("office"), choices).running() as office:
        yield office


async def test_both_accounts_register_and_the_menu_shows_each(office: Office, clerk: Person) -> None:
    await clerk.wait_for(lambda status: [line["registration"] for line in status["lines"]] == ["registered"] * 2)
    assert office.stage.kamailio.is_registered(PERSON)
    assert office.stage.kamailio.is_registered(SHOP)
    await open_lines(clerk)
    await clerk.reads("Desk")
    await clerk.reads("connected")
    await clerk.reads("Shop")


async def open_lines(clerk: Person) -> None:
    """Go to what the phone can tell of itself, and there to its lines."""
    await clerk.press("menu")
    await clerk.dial("71")
    await clerk.reads("Lines")


@pytest.mark.parametrize(("called", "label"), [(PERSON, "To Desk"), (SHOP, "To Shop")])
async def test_a_call_says_which_account_it_is_for(office: Office, clerk: Person, called: str, label: str) -> None:
    office.bob.call(called)
    await clerk.reads("Incoming call")
    await clerk.reads(BOB)
    await clerk.reads(label)


@pytest.mark.parametrize(("dialled", "account"), [(BOB, PERSON), (SHOP_PREFIX + BOB, SHOP)])
async def test_a_call_is_the_default_accounts_unless_a_rule_names_another(
    office: Office, clerk: Person, dialled: str, account: str
) -> None:
    await clerk.lift()
    await clerk.send(dialled)
    assert office.bob.answers().caller.number == account
    await clerk.wait_for_call("active")


async def test_an_account_that_is_out_of_order_says_so_and_leaves_the_other_alone(tmp_path: Path) -> None:
    nowhere = {"name": "shop", "label": "Shop", "username": SHOP, "servers": ["localhost:1"]}
    with Office(tmp_path, Choices(more_accounts=[nowhere])).running() as office:
        async with Person(office.stage.handset) as clerk:
            await clerk.wait_for_line()
            await clerk.wait_for(lambda status: status["lines"][1]["failure"] == "server_unreachable")
            await open_lines(clerk)
            await clerk.reads("Shop")
            await clerk.reads("no service")
            await clerk.lift()
            await clerk.send(BOB)
            office.bob.answers()
            await clerk.wait_for_call("active")
