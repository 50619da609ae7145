import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.consent import Actor, Channel, Purpose
from firmware.privacy.catalogue import built_in
from firmware.privacy.consent import ConsentState, LedgerAction
from firmware.privacy.receipts import Issuer, receipts
from firmware.store.errors import LedgerDamagedError
from provisioning.signed import DocumentRefusedError
from tests.lab.documents import DocumentLab
from tests.unit.store.test_consents import damage

CDR, RECORDING = Purpose.CDR_SYNC, Purpose.RECORDING


@pytest.fixture
def lab_class() -> type[DocumentLab]:
    return DocumentLab


def day(offset: int) -> datetime:
    """Return a time so many days after the one at which the lab's clock begins."""
    return datetime(2026, 3, 1, 10, tzinfo=UTC) + timedelta(days=offset)


def content(version: str = "2", *, keeps_days: int | None = 30) -> dict[str, Any]:
    """Return the built-in catalogue as the operator would write it that keeps call records for so many days."""
    said: dict[str, Any] = json.loads(built_in().model_dump_json())
    said["version"] = version
    next(entry for entry in said["purposes"] if entry["id"] == CDR)["retention"]["days"] = keeps_days
    return said


async def test_the_firmware_s_own_catalogue_is_in_force_until_the_operator_sends_another(lab: DocumentLab) -> None:
    assert await lab.catalogues.current() == built_in()
    await lab.catalogues.admit(lab.operator.catalogue(1, content()), Channel.NETWORK)
    await lab.restart()
    current = await lab.catalogues.current()
    assert (current.version, current.entry(CDR).retention.days) == ("2", 30)


async def test_what_it_changes_is_a_no_until_it_is_asked_anew_and_what_was_queued_is_forgotten(
    lab: DocumentLab,
) -> None:
    heard: list[ConsentState] = []
    await lab.consents.grant(CDR)
    await lab.consents.grant(RECORDING)
    await lab.make_call()
    lab.consents.when_changed = heard.append
    assert await lab.catalogues.admit(lab.operator.catalogue(1, content()), Channel.NETWORK) == {CDR}
    state = await lab.consents.state()
    assert state.all_granted == {RECORDING}
    assert not state.purposes[CDR].asked
    assert state.purposes[RECORDING].asked
    assert heard == [state]
    assert not any(message.topic == "cdr" for message in await lab.outbox.next_batch(10))
    entries = (await lab.consents.entries())[-2:]
    assert [(entry.action, entry.about, entry.actor, entry.channel) for entry in entries] == [
        (LedgerAction.CATALOGUE_IN_FORCE, "2", Actor.POLICY, Channel.NETWORK),
        (LedgerAction.LAPSE, CDR, Actor.POLICY, Channel.NETWORK),
    ]


async def test_one_that_says_what_was_said_before_asks_for_nothing(lab: DocumentLab) -> None:
    await lab.consents.grant(CDR)
    assert not await lab.catalogues.admit(lab.operator.catalogue(1, content(keeps_days=None)), Channel.NETWORK)
    assert (await lab.consents.state()).granted(CDR)


async def test_the_newest_one_once_more_changes_nothing(lab: DocumentLab) -> None:
    document = lab.operator.catalogue(1, content())
    await lab.catalogues.admit(document, Channel.NETWORK)
    await lab.consents.grant(CDR)
    assert not await lab.catalogues.admit(document, Channel.NETWORK)
    assert (await lab.consents.state()).granted(CDR)


async def test_a_catalogue_that_is_old_forged_or_of_another_kind_changes_nothing(lab: DocumentLab) -> None:
    await lab.consents.grant(CDR)
    good = lab.operator.catalogue(7, content())
    for document, reason in (
        (good[:-1] + bytes([good[-1] ^ 1]), "signature"),
        (lab.operator.policy(1, "3"), "policy"),
        (lab.operator.catalogue(7, content() | {"purposes": []}), "not understood"),
        (lab.operator.catalogue(7, content(), fleet="others"), "for the fleet others"),
        (lab.operator.catalogue(7, content(), issued_at=day(-90), not_after=day(-1)), "not to be taken after"),
        (lab.operator.catalogue(7, content(), issued_at=day(1)), "issued|future|not yet"),
    ):
        with pytest.raises(DocumentRefusedError, match=f"(?i){reason}"):
            await lab.catalogues.admit(document, Channel.NETWORK)
    assert await lab.catalogues.current() == built_in()
    assert (await lab.consents.state()).granted(CDR)
    await lab.catalogues.admit(good, Channel.NETWORK)
    for number, version in ((6, "3"), (8, "2"), (8, built_in().version)):
        with pytest.raises(DocumentRefusedError):
            await lab.catalogues.admit(lab.operator.catalogue(number, content(version)), Channel.NETWORK)
    assert (await lab.catalogues.current()).version == "2"


async def test_a_damaged_ledger_takes_no_catalogue_which_may_come_again(lab: DocumentLab) -> None:
    await lab.consents.grant(CDR)
    await damage(lab, "UPDATE consent_ledger SET at = ''")
    for _ in range(2):
        with pytest.raises(LedgerDamagedError):
            await lab.catalogues.admit(lab.operator.catalogue(1, content()), Channel.NETWORK)
    assert await lab.catalogues.current() == built_in()


async def test_a_receipt_is_written_with_the_catalogue_that_the_holder_was_told_from(lab: DocumentLab) -> None:
    await lab.consents.grant(CDR)
    await lab.catalogues.admit(lab.operator.catalogue(1, content()), Channel.NETWORK)
    await lab.consents.grant(CDR)
    catalogues = await lab.catalogues.by_version()
    made = receipts(await lab.consents.entries(), catalogues.__getitem__, Issuer("handset-7"))
    durations = [
        receipt["dpv:hasRecordOfActivity"]["dpv:hasProcess"]["dpv:hasStorageCondition"][1]["dpv:hasDuration"]
        for _, receipt in made
    ]
    assert [duration["rdf:value"] for duration in durations] == ["until it is deleted", "P30D", "P30D"]
