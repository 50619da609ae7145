from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.app.admin.consents import ConsentRole
from firmware.base.errors import ControlError
from firmware.cli.consents import all_entries, contradicts
from firmware.control.admin_requests import ConsentRequest, LedgerShowRequest, LedgerVerifyRequest
from firmware.control.requests import Request, written
from firmware.phone.pin import PinSlot
from firmware.privacy.consent import LedgerAction
from firmware.store.errors import LedgerDamagedError
from firmware.store.pin import StoredPin
from tests.lab.store import StoreLab
from tests.unit.store.test_consents import damage

pytestmark = pytest.mark.usefixtures("quick_pins")

PIN = "2580"
BY_KEYS = (Actor.HOLDER, Channel.KEYPAD)


@pytest.fixture
def role(lab: StoreLab) -> ConsentRole:
    guardian_pin = StoredPin(lab.store, lambda: lab.monotonic_s, slot=PinSlot.GUARDIAN)
    return ConsentRole(
        lambda: lab.consents, lambda: None, lambda: {Actor.HOLDER: lab.pin, Actor.GUARDIAN: guardian_pin}
    )


async def ask(role: ConsentRole, request: Request) -> Any:
    return await role.handlers[request.request](request)


async def served(lab: StoreLab) -> Callable[[Request], Mapping[str, Any]]:
    """Return what answers requests about a ledger as the handset would over its socket, without waiting."""
    role = ConsentRole(lambda: lab.consents, lambda: None, dict)
    lines = (await ask(role, LedgerShowRequest(limit=100))).entries
    entries = [written(line) for line in lines]
    while len(lines) == 100:
        request = LedgerShowRequest(after=len(entries), limit=100)
        lines = (await ask(role, request)).entries
        entries += [written(line) for line in lines]

    def answer(request: Request) -> Mapping[str, Any]:
        assert isinstance(request, LedgerShowRequest)
        return {"entries": entries[request.after : request.after + request.limit]}

    return answer


def grant(pin: str = "") -> ConsentRequest:
    return ConsentRequest(action="grant", purpose="cdr_sync", pin=pin)


async def test_without_a_pin_the_command_line_changes_consents_and_the_ledger_says_so(
    role: ConsentRole, lab: StoreLab
) -> None:
    answer = await ask(role, grant())
    assert answer.needs_pin == ""
    assert [each.purpose for each in answer.purposes if each.granted] == ["cdr_sync"]
    [entry] = await lab.consents.entries()
    assert entry.channel is Channel.COMMAND_LINE


async def test_with_a_pin_nothing_changes_without_it(role: ConsentRole, lab: StoreLab) -> None:
    await lab.pin.set(PIN)
    assert (await ask(role, ConsentRequest())).needs_pin == "holder"
    for typed, words in (("", "PIN is needed"), ("1111", "not the holder's PIN")):
        with pytest.raises(ControlError, match=words):
            await ask(role, grant(typed))
    assert await lab.consents.entries() == ()
    assert (await ask(role, grant(PIN))).purposes[2].granted


async def test_a_guardian_s_pin_takes_the_place_of_the_holder_s(role: ConsentRole, lab: StoreLab) -> None:
    await lab.pin.set(PIN)
    await StoredPin(lab.store, slot=PinSlot.GUARDIAN).set("963852")
    assert (await ask(role, ConsentRequest())).needs_pin == "guardian"
    with pytest.raises(ControlError, match="not the guardian's PIN"):
        await ask(role, grant(PIN))
    await ask(role, grant("963852"))
    [entry] = await lab.consents.entries()
    assert entry.actor is Actor.GUARDIAN


async def test_tries_are_as_rare_as_on_the_display(role: ConsentRole, lab: StoreLab) -> None:
    await lab.pin.set(PIN)
    for _ in range(3):
        with pytest.raises(ControlError):
            await ask(role, grant("1111"))
    with pytest.raises(ControlError, match="looked at in 10 s"):
        await ask(role, grant(PIN))
    lab.pass_time(10)
    assert (await ask(role, grant(PIN))).purposes[2].granted


async def test_no_pin_at_all_is_not_counted_as_a_wrong_one(role: ConsentRole, lab: StoreLab) -> None:
    await lab.pin.set(PIN)
    for _ in range(5):
        with pytest.raises(ControlError, match="PIN is needed"):
            await ask(role, grant())
    assert (await ask(role, grant(PIN))).purposes[2].granted


def test_no_request_that_is_put_into_words_shows_its_pin() -> None:
    assert PIN not in repr(grant(PIN))
    with pytest.raises(ValueError, match="list names none") as refused:
        ConsentRequest(action="list", purpose="cdr_sync", pin=PIN)
    assert PIN not in str(refused.value)


async def test_a_purpose_that_there_is_not_is_refused_with_those_that_there_are(role: ConsentRole) -> None:
    with pytest.raises(ControlError, match=r"not a purpose\. There are: service, recording"):
        await ask(role, ConsentRequest(action="grant", purpose="everything"))


async def test_without_a_store_it_says_so() -> None:
    role = ConsentRole(lambda: None, lambda: None, dict)
    for request in (ConsentRequest(), grant(), LedgerVerifyRequest(), LedgerShowRequest()):
        with pytest.raises(ControlError, match="store cannot be used"):
            await ask(role, request)


async def test_a_whole_ledger_verifies_and_shows_who_did_what(role: ConsentRole, lab: StoreLab) -> None:
    await ask(role, grant())
    lab.synced = False
    await lab.consents.withdraw(Purpose.CDR_SYNC)
    verdict = await ask(role, LedgerVerifyRequest())
    assert (verdict.entries, verdict.damaged_at) == (2, None)
    lines = (await ask(role, LedgerShowRequest())).entries
    assert [(line.action, line.about, line.actor, line.channel, line.clock) for line in lines] == [
        ("grant", "cdr_sync", "holder", "command_line", "synced"),
        ("withdraw", "cdr_sync", "holder", "keypad", "unsynced"),
    ]
    assert lines[-1].hash == verdict.head


@pytest.mark.parametrize(
    ("sql", "number", "words"),
    [
        ("UPDATE consent_ledger SET at = '2020-01-01T00:00:00.000Z' WHERE number = 2", 2, "entry 2 was changed"),
        ("UPDATE consent_ledger SET about = CAST(x'ff' AS TEXT) WHERE number = 2", 2, "entry 2 says what no entry"),
        ("DELETE FROM consent_ledger WHERE number = 1", 1, "entry 1 is missing"),
        ("DELETE FROM consent_ledger WHERE number = 3", 3, "entry 3 is where the entries and the head"),
        ("DELETE FROM consent_head", 1, "entry 1 is where the entries and the head"),
        ("UPDATE consent_head SET hash = replace(hash, substr(hash, 1, 1), 'g')", 3, "entry 3 is another one"),
    ],
)
async def test_verifying_a_damaged_ledger_says_which_entry_it_is(
    role: ConsentRole, lab: StoreLab, sql: str, number: int, words: str
) -> None:
    for answer in (lab.consents.grant, lab.consents.withdraw, lab.consents.grant):
        await answer(Purpose.CDR_SYNC)
    await damage(lab, sql)
    verdict = await ask(role, LedgerVerifyRequest())
    assert verdict.damaged_at == number
    assert words in verdict.words
    with pytest.raises(LedgerDamagedError):
        await ask(role, ConsentRequest(action="withdraw", purpose="cdr_sync"))


async def test_a_head_that_somebody_kept_finds_a_ledger_that_was_written_anew(lab: StoreLab, tmp_path: Path) -> None:
    """Whoever has the store's key can make another ledger, and a head that fits it; what was sent out they cannot."""
    await lab.consents.grant(Purpose.CDR_SYNC)
    state = await lab.consents.withdraw(Purpose.CDR_SYNC)
    witness = f"{state.head.entries}:{state.head.hash}"
    entries = await served(lab)
    assert contradicts(entries, witness) == ""
    # As it stands on the code of a receipt.
    assert contradicts(entries, witness[: 2 + 32]) == ""
    assert contradicts(entries, "0:" + "0" * 64) == ""
    folder = tmp_path / "another"
    folder.mkdir()
    other = StoreLab(folder)
    await other.start()
    try:
        await other.consents.grant(Purpose.CDR_SYNC)
        assert "has no entry 2" in contradicts(await served(other), witness)
        await other.consents.append(LedgerAction.POLICY_SHOWN, "1", *BY_KEYS)
        assert (await other.consents.state()).intact
        assert "not the one that somebody has seen" in contradicts(await served(other), witness)
    finally:
        await other.stop()


async def test_a_head_is_written_as_the_messages_write_it(lab: StoreLab) -> None:
    assert "written as" in contradicts(await served(lab), "2-abc")


async def test_a_long_ledger_is_read_in_stretches(lab: StoreLab) -> None:
    for number in range(205):
        await lab.consents.append(LedgerAction.REQUEST, f"r{number}", *BY_KEYS)
    assert [entry["about"] for entry in all_entries(await served(lab))] == [f"r{number}" for number in range(205)]
