"""The ledger's rules: what entries amount to, and that nothing can be done to them unnoticed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.consent import Actor, Channel, ClockTrust, Purpose
from firmware.privacy.catalogue import POLICY_VERSION
from firmware.privacy.consent import (
    GENESIS_HASH,
    Damage,
    DamageFound,
    LedgerAction,
    LedgerEntry,
    LedgerHead,
    damage_words,
    find_damage,
)
from tests.lab.ledger import AT, Step, chain_of, current_state, entry_of_format_1, follow, head_of, verify

GRANT, REFUSE, WITHDRAW, LAPSE = (
    LedgerAction.GRANT,
    LedgerAction.REFUSE,
    LedgerAction.WITHDRAW,
    LedgerAction.LAPSE,
)
answers = st.tuples(st.sampled_from([GRANT, REFUSE, WITHDRAW, LAPSE]), st.sampled_from(Purpose).map(str))
news = st.tuples(
    st.sampled_from([LedgerAction.POLICY_SHOWN, LedgerAction.REQUEST, LedgerAction.ACTIVATE, LedgerAction.DEACTIVATE]),
    st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,20}", fullmatch=True),
)
old_answers = st.lists(st.tuples(st.sampled_from([GRANT, WITHDRAW]), st.sampled_from(Purpose).map(str)), max_size=4)
new_steps = st.lists(answers | news, max_size=8)

Sealed = TypeVar("Sealed", LedgerEntry, LedgerHead)


@st.composite
def chains(draw: st.DrawFn, at_least: int = 1) -> tuple[LedgerEntry, ...]:
    """Draw a ledger that was begun by the first firmware, or by this one."""
    old = draw(old_answers)
    new = draw(st.lists(answers | news, min_size=max(0, at_least - len(old)), max_size=8))
    return chain_of(*old, *new, old=len(old))


def test_a_ledger_without_entries_grants_nothing() -> None:
    state = current_state((), LedgerHead())
    assert state.intact
    assert not state.all_granted
    assert not any(answer.asked for answer in state.purposes.values())
    assert not state.activated


@given(old_answers, new_steps)
def test_the_newest_answer_for_each_purpose_stands_whatever_else_was_written(old: list[Step], new: list[Step]) -> None:
    chain = chain_of(*old, *new, old=len(old))
    state = current_state(chain, head_of(chain))
    newest: dict[str, tuple[int, LedgerAction]] = {}
    for number, (action, about) in enumerate([*old, *new], start=1):
        if action in {GRANT, REFUSE, WITHDRAW, LAPSE}:
            newest[about] = number, action
    assert state.intact
    for purpose in Purpose:
        number, action = newest.get(purpose, (0, LAPSE))
        answer = state.purposes[purpose]
        assert (answer.granted, answer.asked, answer.entry_number) == (action is GRANT, action is not LAPSE, number)
    assert state.all_lapsed == {Purpose(purpose) for purpose, (_, action) in newest.items() if action is LAPSE}
    assert state.all_unasked == set(Purpose) - {Purpose(purpose) for purpose in newest}


def test_a_phone_is_activated_until_it_is_given_back_or_the_service_is_declined() -> None:
    steps: list[Step] = [(LedgerAction.ACTIVATE, "adult")]

    def activated(*more: Step) -> tuple[bool, str]:
        chain = chain_of(*steps, *more)
        state = current_state(chain, head_of(chain))
        return state.activated, state.age_band

    service = Purpose.SERVICE.value
    assert activated((GRANT, service)) == (True, "adult")
    assert activated((GRANT, service), (WITHDRAW, service)) == (False, "adult")
    assert activated((GRANT, service), (LAPSE, service)) == (True, "adult")
    assert activated((GRANT, service), (LedgerAction.DEACTIVATE, "cancelled")) == (False, "")


def test_the_hash_is_sha256_over_canonical_json() -> None:
    [entry] = chain_of(GRANT)
    text = (
        f'{{"about":"cdr_sync","action":"grant","actor":"holder","at":"{AT}","channel":"keypad","clock":"synced",'
        f'"format":2,"number":1,"policy_version":"{POLICY_VERSION}","previous_hash":"{GENESIS_HASH}"}}'
    )
    assert json.loads(text)
    assert entry.hash == hashlib.sha256(text.encode()).hexdigest()


def test_entries_of_the_first_firmware_keep_their_hashes() -> None:
    # As that firmware wrote it.
    digest = "11700f555ab07e8dd22f866f14cd97bde3d16667d8ee3bb746012cab7c311309"
    old = LedgerEntry(1, GRANT, "cdr_sync", AT, "2024-06-17", GENESIS_HASH, digest, None, None, None, format=1)
    chain = (old, follow(old.head, WITHDRAW, "cdr_sync"))
    assert verify(chain, head_of(chain))


@pytest.mark.parametrize("about", ["", "everything", "cdr_sync ", "CDR_SYNC"])
def test_an_answer_is_about_a_purpose_that_there_is(about: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Purpose"):
        follow(LedgerHead(), GRANT, about)


@pytest.mark.parametrize("about", ["", "two words", "a" * 65, "+4930123456", "张三", "-a", "a\n"])
def test_no_entry_is_about_somebody_s_words(about: str) -> None:
    with pytest.raises(ValueError, match="short name"):
        follow(LedgerHead(), LedgerAction.REQUEST, about)


# --- whatever is done to a ledger is found ---


def is_found(chain: Sequence[LedgerEntry], head: LedgerHead) -> DamageFound:
    found = find_damage(chain, head)
    assert found is not None
    state = current_state(chain, head)
    assert state.damage == found
    assert not state.all_granted
    assert state.activated
    assert str(found.number) in damage_words(found)
    return found


def _with(whole: Sealed, name: str, value: Any) -> Sealed:
    return replace(whole, **{name: value})


def flipped(value: object, data: st.DataObject) -> object:
    """Return something else of the same type, as close as may be: a flipped bit, where there are any."""
    if isinstance(value, bool | int):
        return value ^ (1 << data.draw(st.integers(0, 20)))
    for enum in (LedgerAction, Actor, Channel, ClockTrust):
        if isinstance(value, enum):
            return data.draw(st.sampled_from([other for other in enum if other is not value]))
    if value is None:
        return data.draw(st.sampled_from([*Actor, *Channel, *ClockTrust]))
    assert isinstance(value, str)
    place = data.draw(st.integers(0, len(value) - 1))
    return value[:place] + chr(ord(value[place]) ^ (1 << data.draw(st.integers(0, 6)))) + value[place + 1 :]


@given(chains(), st.data())
def test_a_flipped_bit_in_any_field_of_any_entry_is_found(chain: tuple[LedgerEntry, ...], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    name = data.draw(st.sampled_from([field.name for field in fields(LedgerEntry)]))
    changed = _with(chain[place], name, flipped(getattr(chain[place], name), data))
    found = is_found((*chain[:place], changed, *chain[place + 1 :]), head_of(chain))
    assert found.number == place + 1


@given(chains(), st.data())
def test_an_entry_that_is_missing_is_found(chain: tuple[LedgerEntry, ...], data: st.DataObject) -> None:
    missing = data.draw(st.integers(0, len(chain) - 1))
    found = is_found(chain[:missing] + chain[missing + 1 :], head_of(chain))
    assert found.number == missing + 1
    assert found.damage is (Damage.CUT if missing == len(chain) - 1 else Damage.MISSING)


@given(chains(), st.data())
def test_a_ledger_cut_at_its_end_is_found(chain: tuple[LedgerEntry, ...], data: st.DataObject) -> None:
    left = data.draw(st.integers(0, len(chain) - 1))
    assert is_found(chain[:left], head_of(chain)) == DamageFound(left + 1, Damage.CUT)


@given(chains(), st.data())
def test_an_entry_that_nobody_wrote_is_found(chain: tuple[LedgerEntry, ...], data: st.DataObject) -> None:
    action, about = data.draw(answers)
    forged = follow(head_of(chain), action, about)
    assert is_found((*chain, forged), head_of(chain)) == DamageFound(len(chain) + 1, Damage.CUT)


@given(chains(at_least=2), st.data())
def test_entries_in_another_order_are_found(chain: tuple[LedgerEntry, ...], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(chain))).filter(lambda order: list(order) != sorted(order)))
    found = is_found([chain[place] for place in order], head_of(chain))
    assert found.number == next(place + 1 for place, old in enumerate(order) if place != old)


@given(chains(at_least=2), st.data())
def test_entries_that_were_numbered_anew_after_a_change_of_order_are_found(
    chain: tuple[LedgerEntry, ...], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(chain))).filter(lambda order: list(order) != sorted(order)))
    is_found([replace(chain[old], number=place + 1) for place, old in enumerate(order)], head_of(chain))


@given(chains(), st.data())
def test_a_ledger_made_anew_from_any_entry_on_does_not_fit_the_head_kept_apart(
    chain: tuple[LedgerEntry, ...], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    forged = list(chain[:place])
    for old in chain[place:]:
        action, about = data.draw(answers | news) if len(forged) == place else (old.action, old.about)
        forged.append(follow(head_of(forged), action, about, "2026-03-01T10:00:00.001Z"))
    found = is_found(forged, head_of(chain))
    assert found == DamageFound(len(chain), Damage.ANOTHER)


@given(chains(), st.data())
def test_a_head_that_was_changed_is_found(chain: tuple[LedgerEntry, ...], data: st.DataObject) -> None:
    head = head_of(chain)
    name = data.draw(st.sampled_from(["entries", "hash"]))
    is_found(chain, _with(head, name, flipped(getattr(head, name), data)))


def test_no_entry_of_the_old_format_follows_one_of_the_new() -> None:
    [first] = chain_of(GRANT)
    late = entry_of_format_1(first.head, WITHDRAW, "cdr_sync")
    assert late.holds()
    assert is_found((first, late), late.head) == DamageFound(2, Damage.CHANGED)
