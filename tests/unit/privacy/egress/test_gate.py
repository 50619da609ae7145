import pytest

from contract.consent import Purpose
from contract.messages import Topic
from firmware.privacy.consent import (
    ConsentState,
    Damage,
    DamageFound,
    LedgerAction,
    LedgerEntry,
    LedgerHead,
)
from firmware.privacy.egress.gate import PURPOSE_OF_TOPIC, ConsentGate, Refusal
from tests.lab.ledger import current_state, follow

GRANT, WITHDRAW = LedgerAction.GRANT, LedgerAction.WITHDRAW


def state_after(*taken: LedgerAction) -> ConsentState:
    head = LedgerHead()
    chain: list[LedgerEntry] = []
    for action in taken:
        # A clock that runs backwards must make no difference.
        at = f"2026-01-{28 - len(chain):02d}T00:00:00.000Z"
        chain.append(follow(head, action, Purpose.CDR_SYNC, at))
        head = chain[-1].head
    return current_state(chain, head)


@pytest.mark.parametrize(
    ("taken", "entries_at_start", "refusal"),
    [
        ((), 0, Refusal.NOT_GRANTED),
        ((GRANT,), 0, Refusal.BEGUN_BEFORE_THE_GRANT),
        ((GRANT,), 1, None),
        ((GRANT, WITHDRAW), 1, Refusal.NOT_GRANTED),
        ((GRANT, WITHDRAW), 2, Refusal.NOT_GRANTED),
        ((GRANT, WITHDRAW, GRANT), 1, Refusal.BEGUN_BEFORE_THE_GRANT),
        ((GRANT, WITHDRAW, GRANT), 2, Refusal.BEGUN_BEFORE_THE_GRANT),
        ((GRANT, WITHDRAW, GRANT), 3, None),
    ],
)
def test_only_calls_begun_under_the_grant_that_stands_may_be_reported(
    taken: tuple[LedgerAction, ...], entries_at_start: int, refusal: Refusal | None
) -> None:
    assert ConsentGate(state_after(*taken)).refusal(Topic.CDR, entries_at_start) is refusal


def test_a_broken_ledger_refuses_what_needs_consent() -> None:
    gate = ConsentGate(ConsentState.broken(LedgerHead(3, "a" * 64), DamageFound(3, Damage.CHANGED)))
    assert gate.refusal(Topic.CDR, 3) is Refusal.LEDGER_BROKEN


@pytest.mark.parametrize("topic", [Topic.CONSENT, Topic.STATUS])
def test_the_state_of_consent_and_the_online_flag_need_no_consent(topic: Topic) -> None:
    assert ConsentGate(state_after()).refusal(topic, 0) is None
    assert ConsentGate(ConsentState.broken(LedgerHead(), DamageFound(1, Damage.CUT))).refusal(topic, 0) is None


def test_every_topic_says_whether_it_needs_consent() -> None:
    assert set(PURPOSE_OF_TOPIC) == set(Topic)
