"""What is remembered of updates, whatever is cut off, and what follows once root says how it stands."""

from pathlib import Path

import pytest

from contract.results import OutcomeCode
from firmware.phone.updates import UpdateKind
from firmware.setup.root.update.messages import UpdateState
from firmware.setup.update.judge import USUAL
from firmware.setup.update.memory import Memory, Tried, UpdateStore, Waiting, latest_s

pytestmark = pytest.mark.feature("updates by stick and network")

DIGEST, OTHER = "a" * 64, "b" * 64
DAY_S = 86_400
WAITING = Waiting(
    digest=DIGEST, message="YQ==", version="0.3.0", kind=UpdateKind.FEATURE, not_before_s=1000, latest_s=9000
)
TRIED = Tried(version="0.3.0", digest=DIGEST, kind=UpdateKind.FEATURE)
MEMORY = Memory(waiting=WAITING, tried=TRIED)


def state(version: str = "0.2.0", **more: object) -> UpdateState:
    return UpdateState.model_validate({"how": "card", "version": version, **more})


APPLIED = state("0.3.0", last="applied", last_version="0.3.0")


def test_a_version_that_runs_for_good_is_done_and_the_operator_is_told() -> None:
    settled = MEMORY.settled(APPLIED)
    assert (settled.waiting, settled.tried) == (None, None)
    assert settled.due == ((DIGEST, OutcomeCode.APPLIED),)
    assert settled.ended is not None
    assert settled.ended.code is OutcomeCode.APPLIED


@pytest.mark.parametrize("code", [OutcomeCode.WENT_BACK, OutcomeCode.KEY_REVOKED, OutcomeCode.BELOW_FLOOR])
def test_a_version_that_root_has_given_up_is_done_and_the_operator_is_told(code: OutcomeCode) -> None:
    settled = MEMORY.settled(state(last=code, last_version="0.3.0"))
    assert (settled.waiting, settled.tried) == (None, None)
    assert settled.due == ((DIGEST, code),)


@pytest.mark.parametrize(
    "now",
    [
        state("0.3.0", on_trial=True),
        state("0.3.0", last="installed", last_version="0.3.0"),
        state(installed="0.3.0", last="installed", last_version="0.3.0"),
        state(installed="0.3.0", tries=1),
        state(last="went_back", last_version="0.2.9"),
    ],
)
def test_nothing_is_settled_while_it_waits_runs_on_trial_or_the_power_was_cut(now: UpdateState) -> None:
    assert MEMORY.settled(now) == MEMORY


def test_of_a_stick_s_update_the_operator_is_not_told() -> None:
    settled = Memory(tried=Tried(version="0.3.0")).settled(APPLIED)
    assert settled.ended is not None
    assert settled.due == ()


def test_what_was_announced_since_waits_on() -> None:
    newer = WAITING.model_copy(update={"version": "0.4.0", "digest": OTHER})
    assert MEMORY.model_copy(update={"waiting": newer}).settled(APPLIED).waiting == newer


@pytest.mark.parametrize("tried", [TRIED, Tried(version="0.3.0")])
def test_whoever_announced_what_something_else_brought_hears_of_its_end_as_well(tried: Tried) -> None:
    again = WAITING.model_copy(update={"digest": OTHER})
    settled = Memory(waiting=again, tried=tried).settled(APPLIED)
    assert settled.waiting is None
    told = [digest for digest, code in settled.due if code is OutcomeCode.APPLIED]
    assert told == [*([tried.digest] if tried.digest else []), OTHER]


def test_a_version_that_runs_because_nothing_else_loads_has_failed() -> None:
    assert MEMORY.settled(state("0.3.0", last="failed", last_version="0.3.0")).due == ((DIGEST, OutcomeCode.FAILED),)


def test_what_makes_a_phone_safe_comes_no_later_because_something_else_is_published() -> None:
    security = WAITING.model_copy(update={"kind": UpdateKind.SECURITY, "latest_s": 5000.0, "is_put_off": True})
    newer = WAITING.model_copy(update={"digest": OTHER, "not_before_s": 4000.0, "latest_s": 90_000.0})
    kept = newer.in_place_of(security)
    assert (kept.digest, kept.kind, kept.not_before_s, kept.latest_s) == (OTHER, UpdateKind.SECURITY, 1000, 5000)
    assert newer.in_place_of(WAITING) == newer
    assert newer.in_place_of(None) == newer


def test_it_may_be_put_off_until_the_day_that_was_said_and_no_longer() -> None:
    assert latest_s(500.5, 1000, 7) == 1000 + 7 * DAY_S
    assert latest_s(2000.5, 1000, 30) == 2000 + 30 * DAY_S
    assert not WAITING.may_come(999)
    assert WAITING.may_come(1000)
    later = WAITING.model_copy(update={"is_put_off": True})
    assert not later.may_come(8999)
    assert later.may_come(9000)


def test_it_is_there_again_after_a_restart(tmp_path: Path) -> None:
    UpdateStore(tmp_path).keep(MEMORY)
    UpdateStore(tmp_path).keep_before_trial(USUAL.model_copy(update={"lines": 3}))
    store = UpdateStore(tmp_path)
    assert store.memory == MEMORY
    assert store.before_trial().lines == 3
    assert all(path.stat().st_mode & 0o77 == 0 for path in (tmp_path / "updates").iterdir())


@pytest.mark.parametrize("content", [b"", b"{", b'{"waiting": 1}', bytes(100), b"\xff"])
def test_a_file_that_is_none_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "updates").mkdir()
    for name in ("waiting.json", "before_trial.json"):
        (tmp_path / "updates" / name).write_bytes(content)
    assert UpdateStore(tmp_path).memory == Memory()
    assert UpdateStore(tmp_path).before_trial() == USUAL


def test_a_card_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    store = UpdateStore(tmp_path)
    store.keep(MEMORY)
    (tmp_path / "updates" / ".waiting.json.new").mkdir()
    with pytest.raises(OSError, match=r"waiting\.json"):
        store.keep(Memory())
    assert store.memory == UpdateStore(tmp_path).memory == MEMORY
