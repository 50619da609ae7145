"""Policies and notices of the operator on the whole phone: by file and by broker, read by keys, kept through kills."""

import asyncio
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmware.privacy.policy import NOTICE_S
from firmware.store.policies import BUILT_IN_VERSION
from tests.lab.documents import Operator
from tests.lab.guarded_store import open_store_of
from tests.lab.mosquitto import Observer
from tests.lab.mosquitto import Operator as Sender
from tests.lab.person import Person
from tests.lab.stage import DEVICE, FLEET, Stage

pytestmark = pytest.mark.story

PREFIX = f"wecall/v1/{FLEET}/{DEVICE}"


@pytest.fixture(scope="module")
def operator() -> Operator:
    return Operator(datetime.now(UTC))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, operator: Operator) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    trusted = operator.trusted.public
    stage.handset.configuration = (
        f'{stage.handset.configuration}\n[[trust.keys]]\npublic = "{trusted}"\nsigns = ["policy", "notice"]\n'
    )
    with stage:
        yield stage


async def hand_over(stage: Stage, kind: str, document: bytes) -> None:
    file = stage.folder / f"{kind}.signed"
    file.write_bytes(document)
    await asyncio.to_thread(stage.handset.command, kind, "take", str(file))


async def ledger(stage: Stage) -> list[tuple[str, str]]:
    entries: list[dict[str, Any]] = await asyncio.to_thread(stage.handset.ask, "ledger", "show")
    return [(entry["action"], entry["about"]) for entry in entries]


async def send(stage: Stage, topic: str, document: bytes) -> None:
    def publish() -> None:
        with Sender(stage.broker) as sender:
            sender.send(f"{PREFIX}/{topic}", document, retain=True)

    await asyncio.to_thread(publish)


async def test_a_policy_from_a_file_is_read_by_keys_to_its_end_and_waits_seven_days(
    stage: Stage, person: Person, operator: Operator
) -> None:
    await hand_over(stage, "policy", operator.policy(1, "shop-1", "contact_import", fleet=FLEET))
    await person.reads("New privacy policy")
    await person.press("ok")
    await person.reads("It is new. Please read it.")
    assert ("policy_shown", "shop-1") not in await ledger(stage)
    await person.press("ok")
    await person.reads("You will be asked again: Import of contacts and pictures.")
    await person.press("ok")
    await person.reads("New rules.")
    await person.press("ok")
    await person.reads("That is all.")
    await person.press("ok")
    await person.reads("It takes effect in 7 days.")
    await person.press("ok")
    await person.no_longer_reads("New privacy policy")
    assert (await ledger(stage))[-1] == ("policy_shown", "shop-1")


async def test_it_waits_on_through_a_kill_and_the_old_one_can_still_be_read(stage: Stage) -> None:
    await asyncio.to_thread(stage.handset.main.kill)
    await asyncio.to_thread(stage.handset.main.start)
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        await person.press("menu")
        await person.reads("Menu")
        await person.dial("8")
        await person.reads("What I agree")
        await person.dial("3")
        await person.reads("in 7 d")
        await person.dial("2")
        await person.reads(f"Version {BUILT_IN_VERSION}. It is in force.")
        await person.press("menu")
        await person.wait_for_mode("idle")


async def test_a_forged_policy_is_refused_with_its_reason_and_changes_nothing(stage: Stage, operator: Operator) -> None:
    document = operator.policy(9, "shop-9", fleet=FLEET)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        await hand_over(stage, "policy", document[:-2] + b" }")
    assert "(forged)" in caught.value.stderr
    with pytest.raises(subprocess.CalledProcessError) as caught:
        await hand_over(stage, "policy", operator.policy(9, "shop-9", fleet="another"))
    assert "(wrong_scope)" in caught.value.stderr
    assert "shop-9" not in {about for _, about in await ledger(stage)}


async def test_a_notice_of_danger_from_the_broker_stays_on_the_display_until_it_is_acknowledged(
    stage: Stage, operator: Operator
) -> None:
    with Observer(stage.broker) as observer:
        await send(stage, "notice", operator.notice(1, fleet=FLEET))
        async with Person(stage.handset) as person:
            await person.reads("Important notice")
        await asyncio.to_thread(stage.handset.main.kill)
        await asyncio.to_thread(stage.handset.main.start)
        async with Person(stage.handset) as person:
            await person.wait_for_line()
            await person.reads("Important notice")
            await person.press("ok")
            await person.reads("Leak")
            await person.dial("1")
            await person.reads_the_beginning_of("Leak, ")
            await person.press("ok")
            await person.reads("A list was lost.")
            await person.press("ok")
            await person.reads("Notices")
            await person.press("cancel")
            await person.no_longer_reads("Important notice")
        outcomes = f"{PREFIX}/outcome"

        def told(messages: list[Any]) -> bool:
            return {"taken", "acknowledged"} <= {
                message.document["code"] for message in messages if message.topic == outcomes
            }

        await asyncio.to_thread(observer.wait_for, told, 20)
    assert (await ledger(stage))[-1] == ("notice_acknowledged", "1")


async def test_when_the_days_are_over_it_takes_effect_and_what_it_changes_is_a_no_until_it_is_asked_again(
    stage: Stage,
) -> None:
    await asyncio.to_thread(stage.handset.main.stop)
    store = await open_store_of(stage.handset.state_dir)
    # As if the handset had been running for all but an instant of the seven days.
    await store.transact(
        lambda database: database.execute(
            "UPDATE policies SET witness = json_set(witness, '$.witnessed_s', ?) WHERE state = 'waiting'",
            NOTICE_S - 0.01,
        )
    )
    await store.stop()
    await asyncio.to_thread(stage.handset.main.start)
    assert (await ledger(stage))[-2:] == [("policy_in_force", "shop-1"), ("lapse", "contact_import")]
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        await person.press("menu")
        await person.reads("Menu")
        await person.dial("83")
        await person.reads("current")
    purposes = await asyncio.to_thread(stage.handset.command, "consent", "list")
    [line] = [line for line in purposes.splitlines() if line.startswith("contact_import")]
    assert "not asked" in line


def test_neither_words_of_a_document_nor_its_version_are_in_the_log(stage: Stage) -> None:
    log = stage.handset.main.log
    assert "shop-1" not in log
    assert "Leak" not in log
    assert Path(stage.folder, "policy.signed").exists()
