"""The whole handset's menu: calling from the log, settings that outlive a restart, and the lock."""

from collections.abc import Iterator

import pytest

from tests.lab.by_keys import choose
from tests.lab.office import BOB, PERSON, Office
from tests.lab.person import Person
from tests.lab.stage import Choices

PIN = "2580"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office(tmp_path_factory.mktemp("office"), Choices()).running() as office:
        yield office


async def test_a_missed_call_is_found_in_the_log_and_called_back(office: Office, clerk: Person) -> None:
    office.bob.call(PERSON)
    await clerk.reads("Incoming call")
    office.bob.hang_up()
    await clerk.wait_for(lambda status: status["missed_calls"] == 1)
    await choose(clerk, "32", "Calls", "Missed (# more)")
    await clerk.reads(BOB)
    await clerk.wait_for(lambda status: status["missed_calls"] == 0)
    await clerk.reads("Call back")
    await clerk.press("ok")
    await clerk.reads("Lift the handset")
    await clerk.lift()
    office.bob.answers()
    await clerk.wait_for_call("active")


async def test_the_language_is_changed_in_the_menu_and_back_by_who_reads_neither(clerk: Person) -> None:
    await choose(clerk, "63", "Settings", "Language 语言")
    await clerk.dial("2")
    await clerk.reads("设置")
    await clerk.dial("31")
    await clerk.reads("Settings")
    await clerk.press("menu")


async def test_a_locked_phone_answers_and_calls_nobody_until_the_pin_is_typed(office: Office, clerk: Person) -> None:
    await choose(clerk, "651", "Settings", "Lock", "New PIN")
    await clerk.dial(PIN)
    await clerk.press("ok")
    await clerk.reads("New PIN again")
    await clerk.dial(PIN)
    await clerk.press("ok")
    await clerk.reads("The PIN is set.")
    await clerk.press("ok")
    await clerk.reads("Change PIN")
    await clerk.dial("4")
    await clerk.reads("Locked")

    await clerk.lift()
    await clerk.dial(f"{BOB}#")
    await clerk.reads("Emergency calls only")
    await clerk.hang_up()
    office.bob.call(PERSON)
    await clerk.wait_for_mode("ringing")
    await clerk.lift()
    await clerk.wait_for_call("active")
    await clerk.hang_up()

    await clerk.press("menu")
    for digits, words in (("1379", "Wrong PIN."), (PIN, "Menu")):
        await clerk.dial(digits)
        await clerk.press("ok")
        await clerk.reads(words)
    await clerk.press("menu")
    # Whoever has agreed to something keeps a PIN.
    await choose(
        clerk, "652", "Settings", "Lock", "The PIN stays: it shows that it is you who agrees. You can change it."
    )
    await clerk.press("menu")
