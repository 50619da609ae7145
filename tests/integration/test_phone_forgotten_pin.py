"""A forgotten PIN on the whole phone: a number on its display, what the operator signs for it, and what that begins."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.results import BundleResult, CheckCode, CheckName
from firmware.phone.pin import PinSlot
from firmware.services.account.factory_reset import KEY_NAME, MARKER_NAME, REQUEST_NAME
from firmware.store.key_wrap import load_host_keys
from firmware.store.pin import TRIES_NAME
from provisioning.report import Check
from provisioning.serial import serial
from tests.lab import chance
from tests.lab.bundle_site import BundleSite, Stick, somebody_at
from tests.lab.by_keys import choose
from tests.lab.documents import Operator as Office
from tests.lab.guarded_store import GuardedStore
from tests.lab.handset import Handset
from tests.lab.mosquitto import Observer, Operator, Received
from tests.lab.patience import wait_until
from tests.lab.person import Person
from tests.lab.stage import DEVICE, FLEET

pytestmark = [pytest.mark.timeout(180), pytest.mark.soak]

PREFIX = f"wecall/v1/{FLEET}/{DEVICE}"
PIN, GUARDIANS_PIN, WRONG = "258036", "963852", "111222"
OTHER_SERIAL = "10000000e3e3e3e4"
TYPED_BEFORE = chance.counted(0, 6)
"""So many wrong PINs came before the power went. Between the first five are waits of half a minute: for the soak."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BundleSite]:
    site = BundleSite(tmp_path / "stage")
    handset, key = site.handset, Office().trusted.public
    handset.configuration = f'{handset.configuration}\n[[trust.keys]]\npublic = "{key}"\nsigns = ["bundle", "reset"]\n'
    site.stage.start(handset=False)
    try:
        yield site
    finally:
        site.stage.stop()


def order(request: int, of: str) -> bytes:
    """Return what the operator signs, who is the installer too."""
    office = Office(datetime.now(UTC) - timedelta(hours=1))
    return office.reset(request, of, device=DEVICE, fleet=FLEET)


async def leave(handset: Handset, *, guards_store: bool = False, guardian: str = "") -> None:
    """Write into the store of a handset that does not run what its holder and wrong PINs leave there."""
    lab = GuardedStore(
        handset.state_dir, load_host_keys(handset.state_dir / KEY_NAME, handset.state_dir / "store.db", {})
    )
    await lab.start()
    await lab.add_contact("Anna", ["1001"])
    await lab.guardian_pin.set(guardian)
    await lab.pin.set(PIN)
    if guards_store:
        await lab.guard_by_pin(PIN)
        (handset.state_dir / TRIES_NAME).write_text(str(TYPED_BEFORE))
    await lab.store.transact(
        lambda database: database.execute(
            "UPDATE pins SET wrong_tries = ? WHERE slot = ?", TYPED_BEFORE, PinSlot.HOLDER
        )
    )
    await lab.stop()


async def ask_for_erasure(person: Person) -> int:
    """Type wrong PINs until the phone offers to ask for its erasure; return the number that it shows."""

    def offers(page: Person) -> bool:
        return "PIN forgotten?" in page.state["text"]

    while not offers(person):
        await person.dial(WRONG)
        await person.press("ok")
        await person.wait_until(lambda page: offers(page) or "Wrong PIN" in page.state["text"], 30)
        if "s." in person.state["text"] and not offers(person):
            await person.wait_until(lambda page: "Now type it again." in page.state["text"], 30)
    await person.press("ok")
    await person.wait_until(lambda page: serial() in page.state["text"], 30)
    found = re.search(r"request (\d{4} \d{4} \d{4}),", person.state["text"])
    assert found
    return int(found[1].replace(" ", ""))


async def outcome(observer: Observer, document: bytes, count: int = 1) -> str:
    """Wait until the operator is told so often what became of a document, and return it."""

    def told(messages: list[Received]) -> list[str]:
        outcomes = [each.document for each in messages if each.topic == f"{PREFIX}/outcome"]
        return [each["code"] for each in outcomes if each["message"] == hashlib.sha256(document).hexdigest()]

    return told(await asyncio.to_thread(observer.wait_for, lambda messages: len(told(messages)) >= count))[-1]


async def is_told_to_erase(observer: Observer) -> None:
    def told(messages: list[Received]) -> bool:
        return any(each.topic == f"{PREFIX}/erasure" and each.document["reason"] == "reset" for each in messages)

    await asyncio.to_thread(observer.wait_for, told, 60)


async def shares_calls(handset: Handset, observer: Observer) -> None:
    """Agree to call data, of which recipients hear, and so of its end."""
    await asyncio.to_thread(handset.command, "consent", "grant", "cdr_sync")
    await asyncio.to_thread(
        observer.wait_for, lambda messages: any(each.topic == f"{PREFIX}/consent" for each in messages)
    )


async def is_new(handset: Handset, key: bytes) -> None:
    """Be sure that nothing is left, and that the phone asks what a new one asks."""
    await asyncio.to_thread(wait_until, lambda: (handset.state_dir / KEY_NAME).read_bytes() != key, "the key is new")
    await asyncio.to_thread(wait_until, lambda: not (handset.state_dir / MARKER_NAME).exists())
    async with somebody_at(handset) as person:
        await person.wait_until(lambda page: "Language" in page.state["text"], 30)
        assert not (handset.state_dir / REQUEST_NAME).exists()
        assert "Anna" not in await asyncio.to_thread(handset.command, "contacts", "list")


@pytest.mark.feature("forgotten PIN")
async def test_what_the_operator_signed_comes_by_stick_and_erases_a_phone_that_nobody_can_open(
    site: BundleSite,
) -> None:
    handset = site.handset
    with Observer(site.stage.broker) as observer:
        await asyncio.to_thread(handset.start)
        await shares_calls(handset, observer)
        await asyncio.to_thread(handset.stop)
        await leave(handset, guards_store=True)
        await asyncio.to_thread(handset.start)
        stick, key = Stick(handset), (handset.state_dir / KEY_NAME).read_bytes()
        async with somebody_at(handset) as person:
            await person.press("menu")
            await person.reads("Locked. PIN?")
            number = await ask_for_erasure(person)
        signs = {'signs = ["bundle"]': 'signs = ["bundle", "reset"]'}
        orders = {"reset/a": order(number, OTHER_SERIAL), "reset/b": order(number, serial())}
        bundle = site.bundle(2, await stick.identity(), orders, **signs)
        report = await stick.report(await stick.bring(bundle))
        assert report.result is BundleResult.APPLIED
        assert report.checks[-2:] == (
            Check(name=CheckName.DOCUMENTS, passed=False, code=CheckCode.FAILED),
            Check(name=CheckName.DOCUMENTS, passed=True, code=CheckCode.OK),
        )
        await is_told_to_erase(observer)
        await is_new(handset, key)
        key = (handset.state_dir / KEY_NAME).read_bytes()
        assert (await stick.report(await stick.bring(bundle))).result is BundleResult.NOTHING_TO_DO
        assert (handset.state_dir / KEY_NAME).read_bytes() == key


@pytest.mark.feature("forgotten PIN")
async def test_what_the_operator_signed_comes_over_the_network_and_counts_once_and_under_14_never(
    site: BundleSite,
) -> None:
    handset = site.handset
    with Observer(site.stage.broker) as observer, Operator(site.stage.broker) as operator:

        async def send(document: bytes) -> None:
            await asyncio.to_thread(operator.send, f"{PREFIX}/answer", document, retain=True)

        await asyncio.to_thread(handset.start)
        await shares_calls(handset, observer)
        await asyncio.to_thread(handset.stop)
        await leave(handset, guardian=GUARDIANS_PIN)
        await asyncio.to_thread(handset.start)
        key = (handset.state_dir / KEY_NAME).read_bytes()
        async with somebody_at(handset) as person:
            await choose(person, "651", "Settings", "Lock", "Current PIN")
            number = await ask_for_erasure(person)
        document = order(number, serial())
        await send(document)
        assert await outcome(observer, document) == "not_granted"
        await send(of_another := order(number, OTHER_SERIAL))
        assert await outcome(observer, of_another) == "wrong_scope"
        assert not (handset.state_dir / MARKER_NAME).exists()
        await asyncio.to_thread(handset.stop)
        await leave(handset)
        await asyncio.to_thread(handset.start)
        await send(document)
        assert await outcome(observer, document, 2) == "taken"
        # The handset lets it be told before it starts anew; that the plug is pulled meanwhile saves nobody.
        await asyncio.to_thread(handset.cut_power)
        await asyncio.to_thread(handset.start)
        await is_told_to_erase(observer)
        await is_new(handset, key)
        # The broker still has it, and brings it to the next holder.
        assert await outcome(observer, document, 3) == "unknown_request"
        assert not (handset.state_dir / MARKER_NAME).exists()
