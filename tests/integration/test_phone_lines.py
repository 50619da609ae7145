"""Two accounts on the whole handset: which of them is called, calls, and is out of order."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.office import BOB, PERSON, Office
from tests.lab.person import Person, Status
from tests.lab.scripted_peer import ScriptedServer, sdp
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
    await clerk.wait_for(both_registered)
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


# --- a device that is called without a registrar ----------------------------------------------------------------------

DOORS_ADDRESS = "127.0.0.2"
PORTER = "porter"
EMERGENCY = "112"
DOOR_PREFIX = "8"


@contextmanager
def porters_phone(folder: Path, door: ScriptedServer) -> Iterator[Office]:
    direct = {
        "name": "door", "label": "Door", "direct": True, "username": PORTER, "password": None, "domain": DOORS_ADDRESS,
        "port": door.port, "transport": "udp", "srtp": "off",
    }  # fmt: skip
    rewrite = {"pattern": f"{DOOR_PREFIX}x", "strip": 1, "account": "door"}
    choices = Choices(extra={"dialing": {"rewrite": [rewrite]}}, more_accounts=[direct])
    with Office(folder, choices).running() as office:
        yield office


async def test_a_device_is_called_and_calls_without_a_registrar_and_is_not_believed(tmp_path: Path) -> None:
    with ScriptedServer(address=DOORS_ADDRESS) as door, porters_phone(tmp_path, door) as office:
        async with Person(office.stage.handset) as clerk:
            await clerk.wait_for(both_registered)
            await clerk.lift()
            await clerk.send(f"{DOOR_PREFIX}5")
            invite = door.take_call()
            assert invite.start_line.startswith(f"INVITE sip:5@{DOORS_ADDRESS}")
            door.reply(invite, 200, body=sdp())
            await clerk.wait_for_call("active")
            await clerk.replace()
            door.confirm_hang_up()
            door.invite(PORTER, f"P-Asserted-Identity: <sip:{BOB}@localhost>", body=sdp())
            await clerk.reads("To Door")
            await clerk.reads("Number not verified")
            await clerk.reads("Caller")
            await clerk.lift()
            answer = door.receive(200, method="INVITE")
            door.establish(answer)
            door.acknowledge(answer)
            await clerk.wait_for_call("active")
            door.hang_up()


async def test_a_call_for_help_goes_to_no_device_and_one_that_is_gone_is_shown(tmp_path: Path) -> None:
    with ScriptedServer(address=DOORS_ADDRESS) as door, porters_phone(tmp_path, door) as office:
        async with Person(office.stage.handset) as clerk:
            await clerk.wait_for(both_registered)
            office.stage.kamailio.stop()
            await clerk.wait_for(lambda status: status["lines"][0]["registration"] == "failed")
            await clerk.lift()
            await clerk.send(EMERGENCY)
            await clerk.reads("Not reachable")
            await clerk.replace()
            assert door.receives("INVITE", timeout_s=0) is None
            door.close()
            await clerk.wait_for(lambda status: status["lines"][1]["failure"] == "server_unreachable")


def both_registered(status: Status) -> bool:
    """Both accounts work."""
    return [line["registration"] for line in status["lines"]] == ["registered"] * 2
