"""The holder's rights on the whole phone, by its keys: requests, a copy that age opens, erasing, and going for good."""

import asyncio
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pyrage import decrypt_io, passphrase, x25519

from contract.discovery import discovery_topic
from firmware.base.errors import RequestRefusedError
from firmware.cli import main
from firmware.configuration.loading import CANCELLED_NAME
from firmware.control.client import fetch
from firmware.control.requests import ExportFetchRequest, Role
from firmware.control.stick_client import HandsetLink
from firmware.services.account.tombstone import TOMBSTONE_NAME
from firmware.store.keyring import WRAP_NAME
from tests.lab.by_keys import choose, prove, set_pin
from tests.lab.mosquitto import Observer, Received
from tests.lab.person import Person
from tests.lab.stage import DEVICE, FLEET, HANDSET_USER, Choices, Stage

PREFIX = f"wecall/v1/{FLEET}/{DEVICE}"
PIN = "258013"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    quick_to_return = {"sync": {"retry_base_s": 0.1, "retry_cap_s": 1}}
    with Stage(tmp_path / "stage", Choices(extra=quick_to_return)) as stage:
        yield stage


async def call_somebody(person: Person, observer: Observer) -> None:
    """Call a number that nobody has, of which the record leaves."""
    await person.lift()
    await person.dial("699#")
    await person.wait_for_mode("call_ended")
    await person.replace()
    await heard(observer, f"{PREFIX}/cdr")


async def heard(observer: Observer, topic: str) -> Received:
    """Wait for a message of a topic, and return the newest."""

    def of_topic(messages: list[Received]) -> list[Received]:
        return [message for message in messages if message.topic == topic]

    messages = await asyncio.to_thread(observer.wait_for, lambda messages: bool(of_topic(messages)))
    return of_topic(messages)[-1]


async def requests_told(observer: Observer) -> list[dict[str, Any]]:
    """Wait until the operator knows of a request."""

    def told(messages: list[Received]) -> list[dict[str, Any]]:
        states = [message.document for message in messages if message.topic == f"{PREFIX}/consent" and message.payload]
        return list(states[-1]["requests"]) if states else []

    return told(await asyncio.to_thread(observer.wait_for, lambda messages: bool(told(messages))))


def copy_of(folder: Path) -> dict[str, bytes]:
    """Open the copy that lies in the folder for anybody."""
    [name] = [path for path in folder.iterdir() if path.suffix == ".tar"]
    with tarfile.open(name) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]


def copy_on_a_stick(stage: Stage) -> dict[str, bytes]:
    """Plug a stick in: the copy goes to it, and stays nowhere else."""
    stick = stage.handset.folder / "stick"
    stick.mkdir()
    runtime_dir = stage.handset.folder / "run"
    for name in asyncio.run(HandsetLink(runtime_dir).ordered()):
        with pytest.raises(RequestRefusedError, match="was not ordered"):
            list(fetch(runtime_dir, Role.ADMIN, ExportFetchRequest(name=name)))
    command = [sys.executable, "-m", "firmware.cli", "stick", str(stick), "--runtime-dir", str(runtime_dir)]
    subprocess.run(command, check=True, timeout=60)
    subprocess.run([*command, "--part", "leave", "--outgoing", stick], check=True, timeout=60)
    return copy_of(stick)


def open_copy_of_the_command(stage: Stage) -> None:
    """Have the command make a copy, and open it with age and the words that it prints."""
    folder = stage.handset.folder / "taken"
    folder.mkdir()
    run = ["mydata", "export", str(folder), "--runtime-dir", str(stage.handset.folder / "run")]
    refused = CliRunner().invoke(main, run, input="1379\n")
    assert "not the holder's PIN" in refused.output
    made = CliRunner().invoke(main, run, input=f"{PIN}\n")
    assert made.exit_code == 0, made.output
    [sealed], [key] = folder.glob("*.tar.age"), folder.glob("*.key.age")
    assert sealed.stat().st_mode & 0o777 == 0o600
    words = made.output.strip().rpartition(": ")[2]
    identity = x25519.Identity.from_str(passphrase.decrypt(key.read_bytes(), words).decode().strip())
    content = io.BytesIO()
    with sealed.open("rb") as file:
        decrypt_io(file, content, [identity])
    content.seek(0)
    with tarfile.open(fileobj=content) as archive:
        assert {"manifest.json", "calls/calls-0001.json", "consents/receipts.jsonld"} <= set(archive.getnames())


async def test_the_holder_has_a_copy_asks_the_operator_and_goes_and_nothing_is_left_of_them(stage: Stage) -> None:
    state_dir = stage.handset.state_dir
    stage.handset.command("consent", "grant", "cdr_sync")
    with Observer(stage.broker) as observer:
        async with Person(stage.handset) as person:
            await person.wait_for_line()
            await call_somebody(person, observer)
            await person.rest()
            await set_pin(person, PIN)

            await choose(person, "8941")
            await prove(person, PIN)
            await person.reads("See data")
            await person.press("7")
            await person.reads_the_beginning_of("Request 1 is filed.")
            [request] = await requests_told(observer)
            assert (request["number"], request["kind"], request["state"]) == (1, "complaint", "open")
            await person.press("menu")

            await choose(person, "8923")
            await prove(person, PIN)
            await person.reads_the_beginning_of("Whoever finds the copy can read it")
            await person.press("ok")
            await person.reads_the_beginning_of("Ready: plug a stick in within 10 minutes. Anybody can read it.")
            files = await asyncio.to_thread(copy_on_a_stick, stage)
            assert b"699" in files["calls/calls-0001.json"]
            await person.press("menu")

            await asyncio.to_thread(open_copy_of_the_command, stage)

            await choose(person, "68")
            await person.press("ok")
            await prove(person, PIN)
            await person.reads_the_beginning_of("The account is cancelled")
            await person.press("ok")
            await person.reads_the_beginning_of(
                "There is no way back, and no calls until it is set up anew. Cancel it?"
            )
            await person.press("ok")

            notice = await heard(observer, f"{PREFIX}/erasure")
            assert notice.document["cancelled"] is True
            await person.wait_for_mode("unprovisioned")
            assert "The account was cancelled." in await asyncio.to_thread(stage.handset.command, "doctor")

            def cleared(messages: list[Received]) -> bool:
                last = {message.topic: message.payload for message in messages}
                kept = (f"{PREFIX}/consent", f"{PREFIX}/status", discovery_topic(DEVICE))
                return all(topic in last and not last[topic] for topic in kept)

            await asyncio.to_thread(observer.wait_for, cleared)
            # An observer may hear of it before the handset knows that the broker has it.
            await person.wait_for(lambda _status: not (state_dir / TOMBSTONE_NAME).exists())
    assert not stage.kamailio.is_registered(HANDSET_USER)
    left = {path.name for path in state_dir.iterdir()}
    assert CANCELLED_NAME in left
    assert left.isdisjoint({TOMBSTONE_NAME, WRAP_NAME, "store.db", "store.key-check", "pictures", "recordings"})

    stage.handset.stop()
    stage.handset.configuration = f"{stage.handset.configuration}\n# of the next holder\n"
    stage.handset.start()
    async with Person(stage.handset) as person:
        await person.wait_for_line()


def test_copies_that_an_older_firmware_left_are_gone_after_the_next_start(stage: Stage) -> None:
    exchange = stage.handset.state_dir / "exchange"
    stage.handset.main.kill()
    exchange.mkdir(exist_ok=True)
    old = "wecall-20260101-000000"
    for name in (f".{old}.tar.new", f"{old}.tar", f"{old}.tar.age", f"{old}.key.age", "friends.vcf"):
        (exchange / name).write_bytes(b"contacts, calls")
    stage.handset.main.start()
    assert [path.name for path in exchange.iterdir()] == ["friends.vcf"]
