from typing import Any

import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.phone.request import Request
from firmware.phone.requests.consents import (
    Activate,
    ConsentRow,
    ConsentsRead,
    ReadConsents,
    ReadReceipt,
    SetConsent,
    WithdrawOptional,
)
from firmware.privacy.consent import ConsentState, LedgerAction
from firmware.privacy.receipts import Issuer
from firmware.services.clock import read_clocks
from firmware.services.consents import ConsentErrands
from firmware.services.runner import Handlers
from firmware.store.catalogues import StoredCatalogues
from firmware.store.documents import Addressee, DocumentRegister
from tests.lab.store import StoreLab
from tests.unit.store.test_consents import damage

ISSUER = Issuer("handset-7")


def catalogues(lab: StoreLab) -> StoredCatalogues:
    return StoredCatalogues(lab.store, lab.consents, DocumentRegister(Addressee("shop", "handset-7"), read_clocks))


@pytest.fixture
def handlers(lab: StoreLab) -> Handlers:
    return ConsentErrands(lab.consents, catalogues(lab), ISSUER, lambda: "en").handlers


async def ask(handlers: Handlers, request: Any) -> Any:
    return await handlers[type(request)](request)


def row(read: ConsentsRead, purpose: Purpose) -> ConsentRow:
    return next(each for each in read.rows if each.purpose is purpose)


async def test_every_purpose_is_listed_the_needed_one_first_and_none_is_granted_or_asked(
    handlers: Handlers,
) -> None:
    read = await ask(handlers, ReadConsents())
    assert {each.purpose for each in read.rows} == set(Purpose)
    assert [each.needed for each in read.rows] == [True] + [False] * (len(Purpose) - 1)
    assert not any(each.granted or each.asked or each.since for each in read.rows)
    assert read.private
    assert not read.damaged


async def test_an_answer_by_the_keys_is_written_with_who_gave_it(handlers: Handlers, lab: StoreLab) -> None:
    read = await ask(handlers, SetConsent(Purpose.RECORDING, granted=True, actor=Actor.GUARDIAN))
    answer = row(read, Purpose.RECORDING)
    assert (answer.granted, answer.asked, answer.since) == (True, True, "1 Mar 2026")
    assert not read.private
    [entry] = await lab.consents.entries()
    assert (entry.action, entry.actor, entry.channel) == (LedgerAction.GRANT, Actor.GUARDIAN, Channel.KEYPAD)


async def test_a_first_no_is_an_answer_too(handlers: Handlers, lab: StoreLab) -> None:
    read = await ask(handlers, SetConsent(Purpose.RECORDING, granted=False))
    answer = row(read, Purpose.RECORDING)
    assert (answer.granted, answer.asked) == (False, True)
    [entry] = await lab.consents.entries()
    assert entry.action is LedgerAction.REFUSE


async def test_words_and_days_are_in_the_language_of_the_display(lab: StoreLab) -> None:
    handlers = ConsentErrands(lab.consents, catalogues(lab), ISSUER, lambda: "zh").handlers
    read = await ask(handlers, SetConsent(Purpose.SERVICE, granted=True))
    assert (read.rows[0].name, read.rows[0].since) == ("电话服务", "2026年3月1日")


async def test_private_mode_leaves_nothing_but_what_the_service_needs_and_its_end_grants_nothing(
    handlers: Handlers,
) -> None:
    for purpose in (Purpose.SERVICE, Purpose.RECORDING, Purpose.CDR_SYNC):
        await ask(handlers, SetConsent(purpose, granted=True))
    read = await ask(handlers, WithdrawOptional())
    assert read.private
    assert [each.purpose for each in read.rows if each.granted] == [Purpose.SERVICE]
    # Nothing but an answer grants anything again.
    read = await ask(handlers, SetConsent(Purpose.RECORDING, granted=True))
    assert {each.purpose for each in read.rows if each.granted} == {Purpose.SERVICE, Purpose.RECORDING}


async def test_the_phone_hears_of_each_change_and_of_its_activation(handlers: Handlers, lab: StoreLab) -> None:
    heard: list[ConsentState] = []
    lab.consents.when_changed = heard.append
    await ask(handlers, SetConsent(Purpose.SERVICE, granted=True))
    await ask(handlers, Activate("under_14", Actor.GUARDIAN))
    await ask(handlers, WithdrawOptional())
    assert [state.all_granted for state in heard] == [frozenset({Purpose.SERVICE})] * 3
    assert [(state.activated, state.age_band) for state in heard] == [(False, "")] + [(True, "under_14")] * 2


async def test_the_receipt_is_of_the_answer_that_stands(handlers: Handlers, lab: StoreLab) -> None:
    assert await ask(handlers, ReadReceipt(Purpose.CDR_SYNC)) == ""
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.consents.withdraw(Purpose.CDR_SYNC)
    await lab.consents.grant(Purpose.RECORDING)
    _, entry, _ = await lab.consents.entries()
    read = await ask(handlers, ReadReceipt(Purpose.CDR_SYNC))
    assert f"handset-7:2:{entry.hash[:32]}" in read
    assert "ConsentWithdrawn" in read


@pytest.mark.parametrize("asked", [SetConsent(Purpose.RECORDING, granted=True), WithdrawOptional(), Activate("adult")])
async def test_a_damaged_ledger_takes_no_answer_and_says_so(
    handlers: Handlers, lab: StoreLab, asked: Request[object]
) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await damage(lab, "UPDATE consent_ledger SET actor = 'guardian'")
    read = await ask(handlers, asked)
    assert read.damaged
    assert not any(each.granted for each in read.rows)
    assert len(await lab.consents.entries()) == 1
