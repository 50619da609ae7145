"""The handset's side and root's, over a real socket."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from contract.results import OutcomeCode
from firmware.base.errors import ControlError
from firmware.setup.bundles.root_work import RootWork, needs_root
from firmware.setup.root.messages import MAX_LINE_BYTES, RootOutcome, RootProgress, RootStep
from firmware.setup.root.record import read_record
from firmware.setup.root.verification import Verified, Verifier
from provisioning.parsing import parse_configuration
from tests.lab.root_machine import (
    OPERATOR,
    STRANGER,
    TIME_SERVERS,
    WIFI,
    WIFI_PASSWORD,
    RootMachine,
    configuration,
    time_server,
    wifi,
)
from tests.lab.root_service import RootService

pytestmark = pytest.mark.feature("networks by bundle")

SECRETS = {"wifi-password-1": WIFI_PASSWORD, "sip-password": "not for root"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RootService]:
    with RootService(RootMachine(tmp_path / "root"), tmp_path / "s") as service:
        yield service


@pytest.fixture
def handset(service: RootService) -> RootWork:
    return RootWork(service.path)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.wecall"
    path.write_bytes(OPERATOR.bundle({"config.toml": configuration(wifi("shop"), time_server("ntp.example.org"))}))
    return path


def replace(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def test_a_handset_passes_over_what_a_newer_root_says_beside_what_it_knows(tmp_path: Path) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"step": "network", "minutes": 9}\n')
        writer.write(b'{"outcome": "applied", "number": 7, "mood": "good"}\n')
        await writer.drain()
        writer.close()

    steps: list[RootProgress] = []
    async with await asyncio.start_unix_server(answer, tmp_path / "s"):
        said = await RootWork(tmp_path / "s").ask(7, tmp_path / "none", {}, steps.append)
    assert (said.outcome, steps) == (RootOutcome.APPLIED, [RootProgress(step=RootStep.NETWORK)])


async def test_a_bundle_is_tried_and_kept(service: RootService, handset: RootWork, bundle: Path) -> None:
    told: list[RootProgress] = []
    answer = await handset.ask(7, bundle, SECRETS, told.append)
    assert (answer.outcome, answer.number) == (RootOutcome.APPLIED, 7)
    assert told == [RootProgress(step=RootStep.NETWORK)]
    assert "psk=" in (service.machine.text(WIFI) or "")
    assert (await handset.confirm(7)).outcome is RootOutcome.KEPT
    assert read_record(service.machine.machine.state).newest == 7


async def test_a_bundle_is_tried_and_undone(service: RootService, handset: RootWork, bundle: Path) -> None:
    await handset.ask(7, bundle, SECRETS)
    assert (await handset.go_back(7)).outcome is RootOutcome.REVERTED
    assert service.machine.text(WIFI) is None


async def test_a_bundle_that_was_kept_once_comes_back_also_without_its_file(
    service: RootService, handset: RootWork, bundle: Path
) -> None:
    for number in (7, 8):
        replace(bundle, OPERATOR.bundle({"config.toml": configuration(time_server(f"n{number}.example"))}, number))
        await handset.ask(number, bundle, {})
        await handset.confirm(number)
    assert (await handset.ask(7, bundle.with_name("gone"), {})).outcome is RootOutcome.APPLIED
    assert service.machine.text(TIME_SERVERS) == "[Time]\nNTP=n7.example\n"
    assert (await handset.ask(5, bundle.with_name("gone"), {})).outcome is RootOutcome.REFUSED


async def test_what_nobody_confirms_in_time_is_undone(service: RootService, handset: RootWork, bundle: Path) -> None:
    await handset.ask(7, bundle, SECRETS)
    service.now_s = 119
    await handset.ask(7, bundle, SECRETS)
    service.now_s = 1000
    # It is looked at after each answer; asking for what was undone is refused.
    while (answer := await handset.ask(7, bundle, SECRETS)).outcome is RootOutcome.APPLIED:
        pass
    assert (answer.outcome, answer.code) == (RootOutcome.REFUSED, OutcomeCode.REVERTED_BEFORE)
    assert service.machine.text(TIME_SERVERS) is None


@pytest.mark.parametrize("line", ['{"step": "firmware"}', '{"words": "hello"}'])
async def test_progress_that_is_none_ends_the_conversation(tmp_path: Path, bundle: Path, line: str) -> None:
    async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line.encode() + b"\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(say, tmp_path / "s"):
        with pytest.raises(ControlError, match="could not be asked"):
            await RootWork(tmp_path / "s").ask(7, bundle, {})


async def test_a_service_that_says_nothing_any_more_is_given_up(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.setup.root_socket._SILENCE_S", 0.1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with pytest.raises(ControlError, match="said nothing"):
            await RootWork(tmp_path / "s").ask(7, bundle, {})


async def test_passwords_of_others_are_not_handed_on(handset: RootWork, service: RootService, bundle: Path) -> None:
    await handset.ask(7, bundle, SECRETS)
    assert "not for root" not in (service.machine.machine.state / "record.json").read_text()


async def test_a_bundle_that_was_forged_in_the_handsets_name_is_refused(
    service: RootService, handset: RootWork, bundle: Path
) -> None:
    await handset.ask(7, bundle, SECRETS)
    await handset.confirm(7)
    before = service.machine.text(WIFI)
    replace(bundle, STRANGER.bundle({"config.toml": configuration("[network]", trusted=STRANGER)}, 8))
    answer = await handset.ask(8, bundle, {})
    assert (answer.outcome, answer.code) == (RootOutcome.REFUSED, OutcomeCode.UNKNOWN_KEY)
    assert service.machine.text(WIFI) == before


def test_the_offset_of_the_open_file_is_not_trusted_and_a_request_may_come_in_pieces(
    service: RootService, bundle: Path
) -> None:
    line = json.dumps({"wish": "try", "number": 7, "secrets": {"wifi-password-1": WIFI_PASSWORD}}).encode()
    with bundle.open("rb") as file, socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(service.path))
        file.seek(0, os.SEEK_END)
        socket.send_fds(caller, [line[:5]], [file.fileno()])
        caller.sendall(line[5:] + b"\n")
        said = caller.makefile("rb").read()
    assert b'"outcome":"applied"' in said.splitlines()[-1]


def test_what_is_looked_at_is_a_copy_that_nobody_else_can_write_to(
    service: RootService, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = Verifier.verify

    def change_and_verify(self: Verifier, *arguments: Any) -> Verified:
        bundle.write_bytes(b"something else by now")
        return verify(self, *arguments)

    monkeypatch.setattr(Verifier, "verify", change_and_verify)
    answer = asyncio.run(RootWork(service.path).ask(7, bundle, SECRETS))
    assert answer.outcome is RootOutcome.APPLIED


@pytest.mark.parametrize(
    "line",
    [b"{}\n", b"no json\n", b'{"wish": "keep", "number": 0}\n', b"x" * (MAX_LINE_BYTES + 1), b""],
    ids=["empty", "no json", "no number", "too long", "nothing"],
)
async def test_whoever_talks_nonsense_is_left_and_the_next_one_is_answered(
    service: RootService, handset: RootWork, line: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(service.path))
        caller.sendall(line)
        caller.shutdown(socket.SHUT_WR)
        # What was not read is answered so by the kernel.
        with suppress(ConnectionResetError):
            assert caller.recv(1000) == b""
    assert (await handset.confirm(7)).outcome is RootOutcome.REVERTED


async def test_what_is_no_file_is_not_waited_for(service: RootService, handset: RootWork) -> None:
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(service.path))
        socket.send_fds(caller, [b'{"wish": "try", "number": 7}\n'], [reading])
        assert caller.recv(1000) == b""
    os.close(reading)
    os.close(writing)
    assert (await handset.confirm(7)).outcome is RootOutcome.REVERTED


async def test_damage_to_what_root_remembers_is_told_and_nothing_is_done(
    service: RootService, handset: RootWork, bundle: Path
) -> None:
    (service.machine.machine.state / "record.json").write_text("{")
    assert (await handset.ask(7, bundle, SECRETS)).outcome is RootOutcome.FAILED
    assert service.machine.text(WIFI) is None


async def test_where_no_service_of_roots_is_nothing_is_done(tmp_path: Path, bundle: Path) -> None:
    assert (await RootWork(tmp_path / "nothing").ask(7, bundle, {})).outcome is RootOutcome.UNAVAILABLE


async def test_a_service_that_ends_in_the_middle_is_an_error(tmp_path: Path, bundle: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        async def drop() -> None:
            connection, _ = await asyncio.to_thread(listener.accept)
            connection.close()

        dropping = asyncio.create_task(drop())
        with pytest.raises(ControlError, match=r"stopped before it answered|could not be asked"):
            await RootWork(tmp_path / "s").ask(7, bundle, {})
        await dropping


@pytest.mark.parametrize(
    ("tables", "needed"), [((), False), (("[network]",), True), ((time_server("ntp.example.org"),), True)]
)
def test_some_bundles_bring_what_nobody_else_can_install(tables: tuple[str, ...], needed: bool) -> None:
    assert needs_root(parse_configuration(configuration(*tables).decode())) is needed


def test_it_waits_for_whoever_had_it_started(tmp_path: Path, bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    with RootService(RootMachine(tmp_path / "root"), tmp_path / "s", linger_s=60) as service:
        handset = RootWork(service.path)
        handset.wake()
        answer = asyncio.run(handset.ask(7, bundle, SECRETS))
        assert asyncio.run(handset.confirm(answer.number)).outcome is RootOutcome.KEPT
        assert service.starts == 1
        assert not caplog.records


def test_where_nobody_listens_nobody_is_woken(tmp_path: Path) -> None:
    RootWork(tmp_path / "nobody").wake()
