"""A request on the whole phone: filed by keys, answered by the operator's commands, read, objected to, answered."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.by_keys import choose, prove, set_pin
from tests.lab.mosquitto import PUBLISHER, Observer, Received
from tests.lab.person import Person
from tests.lab.stage import DEVICE, FLEET, Stage

pytestmark = pytest.mark.story

PREFIX = f"wecall/v1/{FLEET}/{DEVICE}"
PIN = "258013"


class Office:
    """The operator's folder: a key, two texts, and how the broker is reached."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        made = self.run("key", "new", folder / "key.pem", "--no-passphrase")
        [self.public] = re.findall(r'public = "(.+)"', made)
        (folder / "en.txt").write_text("We looked into it.\n\nYou can turn to the authority.\n")
        (folder / "zh.txt").write_text("我们已调查。\n\n您可以向监管机构投诉。\n", encoding="utf-8")

    def open(self, stage: Stage) -> None:
        """Get a certificate for the stage's broker."""
        issued = stage.broker.authority.issue(PUBLISHER)
        settings = {
            "host": "127.0.0.1", "port": stage.broker.port, "ca": stage.broker.authority.ca_path,
            "certificate": issued.certificate, "key": issued.key, "public": [self.public],
        }  # fmt: skip
        lines = (
            f"{name} = {json.dumps(value if isinstance(value, (int, list)) else str(value))}"
            for name, value in settings.items()
        )
        (self.folder / "operator.toml").write_text("\n".join(lines))

    def sign(self, number: int, request: dict[str, Any], decision: str) -> Path:
        """Sign the answer to a request that the state of consent has told of."""
        out = self.folder / f"{number}.answer"
        self.run(
            "answer", "sign", "--en", self.folder / "en.txt", "--zh", self.folder / "zh.txt", "--key",
            self.folder / "key.pem", "--number", number, "--fleet", FLEET, "--device", DEVICE,
            "--request", request["number"], "--epoch", request["epoch"], "--decision", decision, "--out", out,
        )  # fmt: skip
        return out

    def publish(self, answer: Path, *, code: int = 0) -> str:
        """Send an answer by the broker, and return what is said of what became of it."""
        settings = self.folder / "operator.toml"
        return self.run(
            "fleet", "publish", "answer", answer, "--settings", settings, "--device", DEVICE, code=code
        )  # fmt: skip

    @staticmethod
    def run(*arguments: object, code: int = 0) -> str:
        command = [sys.executable, "-m", "firmware.cli", *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("operator") / "office")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, operator: Office) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    stage.handset.configuration = (
        f'{stage.handset.configuration}\n[[trust.keys]]\npublic = "{operator.public}"\nsigns = ["answer"]\n'
    )
    with stage:
        operator.open(stage)
        yield stage


async def told(observer: Observer, count: int, *, objected: bool = False) -> list[dict[str, Any]]:
    """Wait until the state of consent tells of so many requests, and return them."""

    def requests(messages: list[Received]) -> list[dict[str, Any]] | None:
        states = [message.document for message in messages if message.topic == f"{PREFIX}/consent" and message.payload]
        if not states or len(newest := list(states[-1]["requests"])) != count:
            return None
        return newest if all(each["objected"] is objected for each in newest) else None

    found = requests(await asyncio.to_thread(observer.wait_for, lambda messages: requests(messages) is not None))
    assert found is not None
    return found


async def outcome(observer: Observer, code: str) -> None:
    def heard(messages: list[Received]) -> bool:
        return any(message.topic == f"{PREFIX}/outcome" and message.document["code"] == code for message in messages)

    await asyncio.to_thread(observer.wait_for, heard)


async def read_to_the_end(person: Person, decision: str) -> None:
    """Read the answer that the display of the phone at rest tells of, as far as its last page."""
    await person.reads("1 answer")
    await person.press("ok")
    await person.reads("new")
    await person.press("2")
    await person.reads_the_beginning_of(f"{decision}, ")
    await person.press("ok")
    await person.reads("We looked into it.")
    await person.press("ok")
    await person.reads("You can turn to the authority.")
    await person.press("ok")
    await person.reads_the_beginning_of("Press # if you object")


async def ledger(stage: Stage) -> list[tuple[str, str, str]]:
    entries: list[dict[str, Any]] = await asyncio.to_thread(stage.handset.ask, "ledger", "show")
    return [(entry["action"], entry["about"], entry["actor"]) for entry in entries]


async def file_a_complaint(person: Person) -> None:
    await set_pin(person, PIN)
    await choose(person, "8941")
    await prove(person, PIN)
    await person.reads("See data")
    await person.press("7")
    await person.reads_the_beginning_of("Request 1 is filed.")
    await person.press("menu")


async def object_to_it(person: Person) -> None:
    await person.press("#")
    await prove(person, PIN)
    await person.reads("objected")
    await person.press("menu")
    await person.no_longer_reads("1 answer")


@pytest.mark.timeout(180)
async def test_a_request_is_answered_read_and_objected_to_and_no_other_is(stage: Stage, operator: Office) -> None:
    with Observer(stage.broker) as observer:
        async with Person(stage.handset) as person:
            await person.wait_for_line()
            await file_a_complaint(person)
            [request] = await told(observer, 1)
            assert (request["number"], request["kind"], request["state"]) == (1, "complaint", "open")

            of_another = {**request, "epoch": request["epoch"] % 2**52 + 1}
            said = await asyncio.to_thread(operator.publish, operator.sign(1, of_another, "granted"), code=1)
            assert "unknown_request: 1" in said
            assert await told(observer, 1) == [request]

            said = await asyncio.to_thread(operator.publish, operator.sign(2, request, "refused"))
            assert "taken: 1" in said
            await told(observer, 0)
            await read_to_the_end(person, "Refused")
            assert (await ledger(stage))[-1] == ("request_answered", "refused:1", "operator")

            await object_to_it(person)
            [again] = await told(observer, 1, objected=True)
            assert (again["number"], again["epoch"]) == (1, request["epoch"])
            assert (await ledger(stage))[-1] == ("objection", "refused:1", "holder")


@pytest.mark.timeout(180)
async def test_the_first_answer_which_the_broker_keeps_does_not_close_it_again_and_a_second_one_does(
    stage: Stage, operator: Office
) -> None:
    await asyncio.to_thread(stage.handset.main.kill)
    with Observer(stage.broker) as observer:
        await asyncio.to_thread(stage.handset.main.start)
        async with Person(stage.handset) as person:
            await person.wait_for_line()
            await outcome(observer, "taken")
            [request] = await told(observer, 1, objected=True)
            await asyncio.to_thread(operator.publish, operator.sign(3, request, "granted"))
            await told(observer, 0)
            await read_to_the_end(person, "Granted")
            await person.press("ok")
            await person.reads("granted")
            await outcome(observer, "acknowledged")
            await person.press("menu")
            await person.no_longer_reads("1 answer")

            said = await asyncio.to_thread(operator.publish, operator.sign(4, request, "refused"), code=1)
            assert "request_closed: 1" in said
            assert (await ledger(stage))[-1] == ("request_answered", "granted:1", "operator")


def test_no_word_of_an_answer_is_in_the_log(stage: Stage) -> None:
    assert "looked into" not in stage.handset.main.log
