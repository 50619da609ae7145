from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract.consent import Actor, Channel, Purpose
from contract.messages import ConsentMessage, PurposeState
from contract.results import OutcomeCode
from firmware.privacy.catalogue import POLICY_VERSION
from firmware.privacy.consent import LedgerAction, LedgerHead
from firmware.store.ledger import read_head
from firmware.store.policies import BUILT_IN_VERSION, built_in_policy
from provisioning.documents import PolicyDocument
from provisioning.signed import sign
from provisioning.trust import Kind
from tests.lab.documents import DAY_S, DocumentLab
from tests.lab.ledger import follow, verify

WEEK_S = 7 * DAY_S


@pytest.fixture
def lab_class() -> type[DocumentLab]:
    return DocumentLab


@pytest.fixture
async def lab(lab: DocumentLab) -> DocumentLab:
    await lab.policies.prepare()
    return lab


async def settle(lab: DocumentLab) -> None:
    """Let the holder have read the firmware's own policy and answered, as on a phone that is set up."""
    await lab.policies.note_shown(BUILT_IN_VERSION)
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.consents.grant(Purpose.RECORDING)
    lab.reports.clear()
    lab.changes = 0


async def actions(lab: DocumentLab) -> list[tuple[LedgerAction, str, Actor | None, str]]:
    return [(entry.action, entry.about, entry.actor, entry.policy_version) for entry in await lab.consents.entries()]


# --- the firmware's own policy ----------------------------------------------------------------------------------------


def test_the_firmwares_own_policy_is_there_in_both_languages() -> None:
    said = built_in_policy()
    assert said.version == BUILT_IN_VERSION
    assert len(said.text.en) == len(said.text.zh)
    assert all(len(paragraph) < 400 for paragraph in said.text.en)
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in paragraph) for paragraph in said.text.zh)


async def test_a_new_phone_has_the_firmwares_own_policy_to_read_and_it_counts_at_once(lab: DocumentLab) -> None:
    assert await lab.versions() == {BUILT_IN_VERSION: "unread"}
    assert lab.changes == 1
    await lab.policies.note_shown(BUILT_IN_VERSION)
    assert await lab.versions() == {BUILT_IN_VERSION: "in_force"}
    assert await actions(lab) == [
        (LedgerAction.POLICY_SHOWN, BUILT_IN_VERSION, Actor.HOLDER, BUILT_IN_VERSION),
        (LedgerAction.POLICY_IN_FORCE, BUILT_IN_VERSION, Actor.POLICY, BUILT_IN_VERSION),
    ]


async def test_preparing_twice_adds_nothing(lab: DocumentLab) -> None:
    await lab.restart()
    await lab.policies.prepare()
    assert await lab.versions() == {BUILT_IN_VERSION: "unread"}


async def test_answers_of_an_older_firmware_stand_until_the_new_policy_takes_effect(tmp_path: Path) -> None:
    lab = DocumentLab(tmp_path)
    await lab.start()
    await lab.consents.grant(Purpose.CDR_SYNC)
    await lab.policies.prepare()
    assert await lab.versions() == {POLICY_VERSION: "in_force", BUILT_IN_VERSION: "unread"}
    await lab.policies.note_shown(BUILT_IN_VERSION)
    assert await lab.versions() == {POLICY_VERSION: "in_force", BUILT_IN_VERSION: "waiting"}
    lab.pass_time(WEEK_S)
    await lab.policies.count()
    assert await lab.versions() == {POLICY_VERSION: "replaced", BUILT_IN_VERSION: "in_force"}
    state = await lab.consents.state()
    assert state.intact
    assert state.granted(Purpose.CDR_SYNC)
    await lab.stop()


async def test_the_firmwares_own_policy_stays_behind_the_operators(lab: DocumentLab) -> None:
    await settle(lab)
    await lab.policies.take(lab.operator.policy(1, "shop-1"))
    await lab.store.transact(lambda database: database.execute("UPDATE policies SET version = 'x' WHERE position = 1"))
    await lab.policies.prepare()
    assert len(await lab.policies.kept()) == 2


# --- taking policies --------------------------------------------------------------------------------------------------


async def test_a_signed_policy_is_taken_and_waits_to_be_read(lab: DocumentLab) -> None:
    await settle(lab)
    assert await lab.policies.take(lab.operator.policy(1, "shop-1")) is OutcomeCode.TAKEN
    assert await lab.versions() == {BUILT_IN_VERSION: "in_force", "shop-1": "unread"}
    assert lab.changes == 1
    await lab.restart()
    assert (await lab.policies.kept())[-1].policy.paragraphs("zh") == ("新规则。", "就这些。")


async def test_the_newest_policy_once_more_changes_nothing(lab: DocumentLab) -> None:
    await settle(lab)
    document = lab.operator.policy(1, "shop-1")
    await lab.policies.take(document)
    await lab.policies.note_shown("shop-1")
    lab.pass_time(200 * DAY_S)
    await lab.policies.count()
    lab.changes = 0
    assert await lab.policies.take(document) is OutcomeCode.TAKEN
    assert await lab.versions() == {BUILT_IN_VERSION: "replaced", "shop-1": "in_force"}
    assert lab.changes == 0


async def test_what_must_not_be_taken_is_refused_with_its_reason(lab: DocumentLab) -> None:
    await settle(lab)
    operator = lab.operator
    first, second = operator.policy(3, "shop-3"), operator.policy(4, "shop-4")
    assert await lab.policies.take(first) is OutcomeCode.TAKEN
    assert await lab.policies.take(second) is OutcomeCode.TAKEN
    at = datetime.fromtimestamp(lab.wall_s, UTC)
    stranger = Ed25519PrivateKey.generate()
    refused = {
        OutcomeCode.REPLAYED: first,
        OutcomeCode.OLD: operator.policy(2, "shop-2"),
        OutcomeCode.FORGED: second[:-2] + b" }",
        OutcomeCode.UNKNOWN_KEY: sign(Kind.POLICY, operator.statement(9, {}), stranger),
        OutcomeCode.WRONG_KIND: operator.notice(9),
        OutcomeCode.WRONG_SCOPE: operator.policy(9, "shop-9", fleet="another"),
        OutcomeCode.EXPIRED: operator.policy(
            9, "shop-9", issued_at=at - timedelta(days=9), not_after=at - timedelta(days=1)
        ),
        OutcomeCode.NOT_YET_VALID: operator.policy(9, "shop-9", issued_at=at + timedelta(days=1)),
        OutcomeCode.UNREADABLE: sign(Kind.POLICY, operator.statement(9, {"version": "9"}), operator.key),
        OutcomeCode.TOO_LARGE: second + bytes(100_000),
    }
    before = await lab.policies.kept()
    for outcome, document in refused.items():
        assert await lab.policies.take(document) is outcome
    assert await lab.policies.kept() == before
    assert await lab.policies.take(operator.policy(5, "shop-5")) is OutcomeCode.TAKEN


async def test_the_same_number_with_other_words_is_old(lab: DocumentLab) -> None:
    await lab.policies.take(lab.operator.policy(3, "shop-3"))
    assert await lab.policies.take(lab.operator.policy(3, "shop-3b")) is OutcomeCode.OLD


async def test_a_policy_signed_once_more_is_the_same_policy(lab: DocumentLab) -> None:
    await settle(lab)
    await lab.policies.take(lab.operator.policy(1, "shop-1"))
    await lab.policies.note_shown("shop-1")
    assert await lab.policies.take(lab.operator.policy(2, "shop-1")) is OutcomeCode.TAKEN
    assert await lab.versions() == {BUILT_IN_VERSION: "in_force", "shop-1": "waiting"}
    assert await lab.policies.take(lab.operator.policy(3, "shop-1", words="Others.")) is OutcomeCode.OLD
    assert await lab.policies.take(lab.operator.policy(3, "shop-3")) is OutcomeCode.TAKEN


async def test_a_clock_that_woke_up_in_the_past_revives_no_document_that_is_over(lab: DocumentLab) -> None:
    """What the operator signed last says how late it is at least."""
    at = datetime.fromtimestamp(lab.wall_s, UTC)
    await lab.policies.take(lab.operator.policy(1, "shop-1", issued_at=at, not_after=at + timedelta(days=9)))
    lab.synced, lab.wall_s = False, 0.0
    over = lab.operator.policy(2, "shop-2", issued_at=at - timedelta(days=9), not_after=at - timedelta(days=1))
    assert await lab.policies.take(over) is OutcomeCode.EXPIRED
    fine = lab.operator.policy(2, "shop-2", issued_at=at + timedelta(days=1), not_after=at + timedelta(days=9))
    assert await lab.policies.take(fine) is OutcomeCode.TAKEN


async def test_a_clock_that_is_behind_what_there_is_proof_of_takes_no_document_that_was_over_by_then(
    lab: DocumentLab,
) -> None:
    at = datetime.fromtimestamp(lab.wall_s, UTC)
    lab.proven_s, lab.synced, lab.wall_s = at.timestamp(), False, 0.0
    over = lab.operator.policy(1, "shop-1", issued_at=at - timedelta(days=9), not_after=at - timedelta(days=1))
    assert await lab.policies.take(over) is OutcomeCode.EXPIRED
    fine = lab.operator.policy(2, "shop-2", issued_at=at - timedelta(days=9), not_after=at + timedelta(days=1))
    assert await lab.policies.take(fine) is OutcomeCode.TAKEN


@given(st.text("aZ0._-: 政", max_size=34))
def test_whatever_a_policy_may_be_called_the_ledger_and_the_message_about_consent_can_say(version: str) -> None:
    said = built_in_policy().model_dump() | {"version": version}
    try:
        PolicyDocument.model_validate(said)
    except ValidationError:
        return
    entry = follow(LedgerHead(), LedgerAction.POLICY_IN_FORCE, version)
    ConsentMessage(
        device="handset-7",
        purposes=(PurposeState(purpose=Purpose.SERVICE, granted=False, since=None),),
        policy_version=version,
        ledger_entries=entry.number,
        ledger_head=entry.hash,
        ledger_intact=True,
        epoch=1,
        seq=1,
    )


# --- seven days -------------------------------------------------------------------------------------------------------


async def test_seven_days_after_it_was_read_a_policy_takes_effect_and_what_it_changes_is_asked_again(
    lab: DocumentLab,
) -> None:
    await settle(lab)
    await lab.make_call()
    await lab.policies.take(lab.operator.policy(1, "shop-1", "cdr_sync", "operator_notices"))
    await lab.policies.note_shown("shop-1")
    assert lab.reports == [OutcomeCode.SHOWN]
    lab.pass_time(WEEK_S - 1)
    await lab.policies.count()
    assert (await lab.consents.state()).granted(Purpose.CDR_SYNC)
    assert await lab.versions() == {BUILT_IN_VERSION: "in_force", "shop-1": "waiting"}
    lab.pass_time(1)
    await lab.policies.count()
    assert await lab.versions() == {BUILT_IN_VERSION: "replaced", "shop-1": "in_force"}
    assert lab.reports == [OutcomeCode.SHOWN, OutcomeCode.IN_FORCE]
    state = await lab.consents.state()
    assert not state.granted(Purpose.CDR_SYNC)
    assert not state.purposes[Purpose.CDR_SYNC].asked
    assert state.granted(Purpose.RECORDING)
    assert (await actions(lab))[-3:] == [
        (LedgerAction.POLICY_SHOWN, "shop-1", Actor.HOLDER, BUILT_IN_VERSION),
        (LedgerAction.POLICY_IN_FORCE, "shop-1", Actor.POLICY, "shop-1"),
        (LedgerAction.LAPSE, "cdr_sync", Actor.POLICY, "shop-1"),
    ]
    entries = await lab.consents.entries()
    assert entries[-1].channel is Channel.HANDSET
    assert verify(entries, await lab.store.run(read_head))


async def test_what_waits_to_be_sent_goes_with_the_answer_that_no_longer_counts(lab: DocumentLab) -> None:
    await settle(lab)
    await lab.policies.take(lab.operator.policy(1, "shop-1", "cdr_sync"))
    await lab.policies.note_shown("shop-1")
    await lab.make_call()
    assert "cdr" in {message.topic for message in await lab.outbox.next_batch(10)}
    lab.pass_time(WEEK_S)
    await lab.policies.count()
    messages = await lab.outbox.next_batch(10)
    assert "cdr" not in {message.topic for message in messages}
    assert {message.payload["policy_version"] for message in messages if message.topic == "consent"} == {"shop-1"}


async def test_what_was_counted_outlasts_restarts_and_a_clock_that_is_set_counts_nothing(lab: DocumentLab) -> None:
    await settle(lab)
    await lab.policies.take(lab.operator.policy(1, "shop-1"))
    await lab.policies.note_shown("shop-1")
    for day in range(6):
        lab.pass_time(DAY_S, clock_step_s=1000 * DAY_S if day % 2 else -900 * DAY_S)
        await lab.policies.count()
        await lab.restart()
    assert (await lab.policies.kept())[-1].days_left == 1
    lab.synced, lab.boot_id, lab.monotonic_s = False, "boot 2", 3.0
    await lab.policies.count()
    lab.pass_time(DAY_S - 1)
    await lab.policies.count()
    assert await lab.versions() == {BUILT_IN_VERSION: "in_force", "shop-1": "waiting"}
    lab.pass_time(1)
    await lab.policies.count()
    assert await lab.versions() == {BUILT_IN_VERSION: "replaced", "shop-1": "in_force"}


async def test_reading_it_again_is_no_second_entry(lab: DocumentLab) -> None:
    await settle(lab)
    await lab.policies.take(lab.operator.policy(1, "shop-1"))
    await lab.policies.note_shown("shop-1")
    before = await actions(lab)
    await lab.policies.note_shown("shop-1")
    await lab.policies.note_shown(BUILT_IN_VERSION)
    await lab.policies.note_shown("never heard of")
    assert await actions(lab) == before


async def test_a_damaged_ledger_keeps_no_policy_from_being_read_and_taking_effect(lab: DocumentLab) -> None:
    await settle(lab)
    await lab.store.transact(lambda database: database.execute("UPDATE consent_head SET hash = 'x'"))
    await lab.policies.take(lab.operator.policy(1, "shop-1", "cdr_sync"))
    await lab.policies.note_shown("shop-1")
    lab.pass_time(WEEK_S)
    await lab.policies.count()
    assert await lab.versions() == {BUILT_IN_VERSION: "replaced", "shop-1": "in_force"}


async def test_the_texts_of_old_policies_are_kept(lab: DocumentLab) -> None:
    await settle(lab)
    for number in range(1, 4):
        await lab.policies.take(lab.operator.policy(number, f"shop-{number}", words=f"Number {number}."))
        await lab.policies.note_shown(f"shop-{number}")
        lab.pass_time(WEEK_S)
        await lab.policies.count()
    texts = [kept.policy.paragraphs("en")[0] for kept in await lab.policies.kept()]
    assert texts[1:] == ["Number 1.", "Number 2.", "Number 3."]
    assert texts[0] == built_in_policy().text.en[0]


async def test_a_purpose_that_this_firmware_does_not_know_is_not_asked(lab: DocumentLab) -> None:
    await settle(lab)
    assert await lab.policies.take(lab.operator.policy(1, "shop-1", "advertising")) is OutcomeCode.TAKEN
    assert (await lab.policies.kept())[-1].policy.changes == frozenset()
