import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.purpose import Purpose
from firmware.privacy.consent import (
    GENESIS_HASH,
    ConsentAction,
    ConsentEntry,
    LedgerHead,
    current_state,
    verify,
)
from firmware.privacy.purposes import POLICY_VERSION, PURPOSE_TEXTS

AT = "2026-03-01T10:00:00.000Z"

actions = st.lists(st.sampled_from(ConsentAction), min_size=1, max_size=12)


def chain_of(*taken: ConsentAction) -> tuple[ConsentEntry, ...]:
    head = LedgerHead()
    chain: list[ConsentEntry] = []
    for action in taken:
        chain.append(ConsentEntry.follow(head, action, Purpose.CDR_SYNC, at=AT, policy_version=POLICY_VERSION))
        head = chain[-1].head
    return tuple(chain)


def test_a_ledger_without_entries_grants_nothing() -> None:
    state = current_state((), LedgerHead())
    assert state.intact
    assert not any(state.granted(purpose) for purpose in Purpose)


def test_every_purpose_has_its_text() -> None:
    assert set(PURPOSE_TEXTS) == set(Purpose)
    assert all(text.name and text.covers and text.recipients for text in PURPOSE_TEXTS.values())


@given(actions)
def test_the_newest_answer_stands(taken: list[ConsentAction]) -> None:
    chain = chain_of(*taken)
    state = current_state(chain, chain[-1].head)
    assert state.intact
    assert state.granted(Purpose.CDR_SYNC) is (taken[-1] is ConsentAction.GRANT)
    assert state.purposes[Purpose.CDR_SYNC].entry_number == len(taken)


def test_the_hash_is_sha256_over_canonical_json() -> None:
    [entry] = chain_of(ConsentAction.GRANT)
    text = (
        f'{{"action":"grant","at":"{AT}","number":1,"policy_version":"{POLICY_VERSION}",'
        f'"previous_hash":"{GENESIS_HASH}","purpose":"cdr_sync"}}'
    )
    assert json.loads(text)
    assert entry.hash == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"number": 3},
        {"action": ConsentAction.GRANT},
        {"at": "2026-03-01T10:00:00.001Z"},
        {"policy_version": "1"},
        {"previous_hash": "1" * 64},
        {"hash": "1" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_entry_that_was_changed_makes_everything_a_no(change: dict[str, object]) -> None:
    chain = chain_of(ConsentAction.GRANT, ConsentAction.WITHDRAW, ConsentAction.GRANT)
    changed = (chain[0], replace(chain[1], **change), chain[2])  # type: ignore[arg-type]
    assert verify(chain, chain[-1].head)
    assert not verify(changed, chain[-1].head)
    state = current_state(changed, chain[-1].head)
    assert not state.intact
    assert not state.granted(Purpose.CDR_SYNC)


@given(actions, st.data())
def test_an_entry_that_is_missing_makes_everything_a_no(taken: list[ConsentAction], data: st.DataObject) -> None:
    chain = chain_of(*taken)
    missing = data.draw(st.integers(0, len(chain) - 1))
    shorter = chain[:missing] + chain[missing + 1 :]
    assert not current_state(shorter, chain[-1].head).intact


def test_a_withdrawal_cut_off_the_end_does_not_bring_the_grant_back() -> None:
    chain = chain_of(ConsentAction.GRANT, ConsentAction.WITHDRAW)
    state = current_state(chain[:1], chain[-1].head)
    assert not state.granted(Purpose.CDR_SYNC)


def test_a_chain_made_anew_from_its_start_does_not_fit_the_head_kept_apart() -> None:
    chain = chain_of(ConsentAction.GRANT, ConsentAction.WITHDRAW)
    forged = chain_of(ConsentAction.GRANT, ConsentAction.GRANT)
    assert not verify(forged, chain[-1].head)


def test_entries_in_another_order_make_everything_a_no() -> None:
    first, second = chain_of(ConsentAction.GRANT, ConsentAction.WITHDRAW)
    assert not verify((second, first), first.head)
