"""A handset killed at every step of taking, showing and counting: the old state or the new, and never fewer days."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from contract.consent import Purpose
from firmware.privacy.consent import LedgerAction
from firmware.store.policies import BUILT_IN_VERSION
from tests.lab import kills
from tests.lab.documents import DAY_S, DocumentLab

VERSION = "shop-1"
COUNTS_S = (3 * DAY_S, 3 * DAY_S, DAY_S - 1, 1)
kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]


def diary(folder: Path, words: str) -> None:
    with (folder / "diary").open("a") as file:
        file.write(words + "\n")


async def live(folder: Path) -> None:
    lab = DocumentLab(folder)
    await lab.start()
    await lab.policies.prepare()
    await lab.policies.note_shown(BUILT_IN_VERSION)
    await lab.consents.grant(Purpose.RECORDING)
    diary(folder, "settled")
    await lab.policies.take(lab.operator.policy(1, VERSION, Purpose.RECORDING))
    diary(folder, "taken")
    await lab.notices.take(lab.operator.notice(1))
    diary(folder, "told")
    await lab.notices.acknowledge(1)
    diary(folder, "acknowledged")
    # From here on time runs: it did not before the holder had begun to read.
    diary(folder, "showing")
    await lab.policies.note_shown(VERSION)
    diary(folder, "shown")
    for seconds in COUNTS_S:
        lab.pass_time(seconds)
        diary(folder, f"passed {seconds}")
        await lab.policies.count()
        diary(folder, f"counted {seconds}")
    await lab.stop()


def live_in(folder: Path) -> None:
    """Called in the process that is killed."""
    asyncio.run(live(folder))


@dataclass
class Diary:
    """What the world outside the handset knows."""

    lines: list[str]

    @classmethod
    def of(cls, folder: Path) -> "Diary":
        path = folder / "diary"
        return cls(path.read_text().splitlines() if path.exists() else [])

    def says(self, words: str) -> bool:
        return words in self.lines

    def seconds(self, word: str) -> int:
        return sum(int(line.split()[1]) for line in self.lines if line.startswith(word))


async def check(folder: Path, heard: Diary) -> str:
    """Compare what the next start finds with what was said; return how far the policy has come."""
    lab = DocumentLab(folder)
    await lab.start()
    await lab.policies.prepare()
    config_store = {kept.policy.version: kept for kept in await lab.policies.kept()}
    consents = await lab.consents.state()
    entries = await lab.consents.entries()
    actions = {(entry.action, entry.about) for entry in entries}
    notices = await lab.notices.to_show()
    await lab.stop()
    assert consents.intact
    assert BUILT_IN_VERSION in config_store
    kept = config_store.get(VERSION)
    state = "absent" if kept is None else kept.state.value
    assert heard.says("taken") <= (kept is not None)
    assert heard.says("shown") <= (state in {"waiting", "in_force"})
    assert (state in {"waiting", "in_force"}) <= heard.says("showing")
    # The ledger, the answers and the policy say the same.
    assert ((LedgerAction.POLICY_SHOWN, VERSION) in actions) == (state in {"waiting", "in_force"})
    assert ((LedgerAction.POLICY_IN_FORCE, VERSION) in actions) == (state == "in_force")
    assert ((LedgerAction.LAPSE, Purpose.RECORDING) in actions) == (state == "in_force")
    if heard.says("settled"):
        assert consents.granted(Purpose.RECORDING) == (state != "in_force")
        assert config_store[BUILT_IN_VERSION].state.value == ("replaced" if state == "in_force" else "in_force")
    # Seven days, never fewer, and none of those lost that were said to be counted.
    if kept is not None and kept.witness is not None:
        assert heard.seconds("counted") <= kept.witness.passed_s <= heard.seconds("passed")
    if state == "in_force":
        assert heard.seconds("passed") == 7 * DAY_S
    assert heard.says("told") <= bool(notices)
    for notice in notices:
        assert heard.says("acknowledged") <= notice.acknowledged
        assert notice.acknowledged == ((LedgerAction.NOTICE_ACKNOWLEDGED, "1") in actions)
    return state


@pytest.mark.timeout(400)
def test_whatever_step_a_handset_is_killed_at_its_policies_are_whole_and_the_days_are_not_shortened(
    memory: Path,
) -> None:
    whole = memory / "whole"
    whole.mkdir()
    found = [
        asyncio.run(check(cut.folder, Diary.of(cut.folder)))
        for cut in kills.cuts(whole, live_in, kills.at_statement, one_in=5)
    ]
    assert found[-1] == "in_force"
    assert kills.all_met(found, {"absent", "unread", "waiting", "in_force"})
