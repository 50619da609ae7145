"""The stick role over its real socket: the stick process's own end speaks to it."""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.results import BundleResult, CheckCode, CheckName, HardwarePart, OutcomeCode, StickCode
from firmware.base.errors import BundleError, BundleNotTakenError, ControlError, RequestRefusedError, StorageError
from firmware.control.admin_requests import StatusRequest
from firmware.control.client import ask_async
from firmware.control.open_files import sealed
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import MAX_LINE_BYTES, Role
from firmware.control.say import say
from firmware.control.server import ControlServer
from firmware.control.stick_client import HandsetLink
from firmware.control.stick_role import StickRole
from firmware.phone.bundle_news import BundleEnded, BundleNews, BundleStep, StickRemoved, StickReported
from firmware.phone.bundle_reasons import CODES
from firmware.phone.updates import UpdateTold
from provisioning.identity import Identity, new_broker_key, new_sealing_key
from provisioning.report import Check, HardwareCheck, HardwareTest, Report
from tests.lab.bundles import REFUSALS, SERIAL
from tests.lab.patience import wait_until

IDENTITY = Identity.of(SERIAL, new_sealing_key(), new_broker_key(), "1.2.3")
OFFER = "0123456789abcdef0123456789abcdef"
REPORT = Report(
    serial=SERIAL,
    number=7,
    firmware="1.2.3",
    result=BundleResult.REVERTED,
    code=CheckName.LINES,
    checks=(Check(name=CheckName.LINES, passed=False, code=CheckCode.REFUSED, line=2),),
    made_at=datetime(2026, 11, 25, tzinfo=UTC),
)


@dataclass(frozen=True)
class Progress:
    count: int
    step: BundleStep
    report: Report | None = None


class Updates:
    """Takes updates as the handset does."""

    def __init__(self) -> None:
        self.brought: list[tuple[bytes, bytes, bytes]] = []
        self.reports = 0

    async def bring(self, file: BinaryIO, proof: bytes, release_keys: bytes) -> UpdateTold:
        self.brought.append((os.pread(file.fileno(), 1_000_000, 0), proof, release_keys))
        return UpdateTold(version="0.3.0", code=OutcomeCode.INSTALLED)

    def stick_reported(self) -> None:
        self.reports += 1


class Intake:
    """Keeps what comes."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self.taken: list[bytes] = []

    async def begin(self, size_bytes: int) -> None:
        if size_bytes > 1_000_000:
            raise BundleError("There is no room on the card for this bundle.", OutcomeCode.NO_SPACE)
        self.size_bytes = size_bytes

    def expect_none(self) -> None:
        self.size_bytes = 0

    async def bring(self, file: BinaryIO) -> str:
        if self.taken:
            raise BundleError("Another bundle is under way.", OutcomeCode.BUSY)
        self.taken.append(os.pread(file.fileno(), 1_000_000, 0))
        return OFFER

    def identity(self) -> Identity:
        return IDENTITY

    async def follow(self, offer: str, after: int, wait_s: float) -> Progress:
        if offer != OFFER:
            raise BundleError("Nothing is known of this bundle. Offer it again.")
        assert wait_s == 25
        return Progress(after + 1, BundleStep.LINES, REPORT if after else None)


class Ordered:
    """Two files, of which each may be fetched."""

    def __init__(self) -> None:
        self.files = {"contacts.vcf": bytes(range(256)) * 500, "wecall-20260100-030405.key.age": b"key"}

    def listed(self) -> Sequence[tuple[str, int]]:
        return [(name, len(content)) for name, content in self.files.items()]

    def reader(self, name: str) -> Callable[[int, int], bytes]:
        def read(offset: int, size_bytes: int) -> bytes:
            if name not in self.files:
                raise StorageError("This file was not ordered, or too long ago.")
            return self.files[name][offset : offset + size_bytes]

        return read

    def fetched(self, names: Sequence[str]) -> None:
        for name in names:
            del self.files[name]


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.intake = Intake()
        self.ordered = Ordered()
        self.heard: list[BundleNews] = []
        self.copies: list[tuple[bytes, bytes]] = []
        self.wants_copy = True
        self.link = HandsetLink(folder)
        self.updates = Updates()
        self.test: HardwareTest | None = None
        role = StickRole(
            self.intake.bring,
            self.intake,
            self.ordered,
            self.heard.append,
            self.bring_copy,
            updates=self.updates,
            hardware=lambda: self.test,
        )
        self.server = ControlServer(folder, {Role.STICK: role.handlers})

    async def bring_copy(self, file: BinaryIO, key: bytes) -> bool:
        self.copies.append((os.pread(file.fileno(), 1_000_000, 0), key))
        return self.wants_copy


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path)
    await site.server.start()
    yield site
    await site.server.stop()


async def test_the_handset_says_what_the_self_test_found(site: Site) -> None:
    assert await site.link.hardware() is None
    check = HardwareCheck(passed=False, code=CheckCode.NOT_NOTICED, part=HardwarePart.KEYS, keys=("5", "#"))
    site.test = HardwareTest(tested_at=datetime(2026, 11, 25, tzinfo=UTC), checks=(check,))
    assert await site.link.hardware() == site.test


async def test_the_handset_says_who_it_is(site: Site) -> None:
    assert await site.link.identity() == IDENTITY


async def test_a_bundle_goes_over_whole_as_an_open_file(site: Site) -> None:
    bundle = bytes(range(251)) * 600
    await site.link.begin(len(bundle))
    with tempfile.TemporaryFile() as file:
        file.write(bundle)
        file.flush()
        assert await site.link.bring(file) == OFFER
    assert site.intake.taken == [bundle]
    assert site.intake.size_bytes == len(bundle)


async def test_a_copy_goes_over_with_its_key_and_what_was_said_to_it_comes_back(site: Site) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"everything")
        file.flush()
        assert await site.link.bring_copy(file, b"age-\x00key")
        site.wants_copy = False
        assert not await site.link.bring_copy(file, b"")
    assert site.copies == [(b"everything", b"age-\x00key"), (b"everything", b"")]


@pytest.mark.feature("updates by stick and network")
async def test_an_update_goes_over_as_the_stick_s_own_file_and_waits_for_the_report(site: Site) -> None:
    keys = bytes(range(256)) * 128
    with sealed(b"an update") as file:
        taken = await site.link.bring_update(file, b"proof", keys)
    assert (taken.code, taken.version) == (OutcomeCode.INSTALLED, "0.3.0")
    assert site.updates.brought == [(b"an update", b"proof", keys)]
    for news in ("reported", "stick_removed"):
        await asyncio.to_thread(say, site.folder / "stick.sock", {"request": news})
    await asyncio.to_thread(wait_until, lambda: site.updates.reports == 2)


async def test_what_became_of_a_bundle_comes_over_whole(site: Site) -> None:
    first = await site.link.follow(OFFER, 0, 25)
    assert (first.count, first.step, first.report) == (1, BundleStep.LINES, None)
    assert (await site.link.follow(OFFER, 1, 25)).report == REPORT


async def test_a_refusal_is_told_apart_from_a_handset_that_is_away(site: Site, tmp_path: Path) -> None:
    with pytest.raises(BundleNotTakenError) as caught:
        await site.link.begin(2_000_000)
    assert caught.value.refusal is OutcomeCode.NO_SPACE
    await site.link.bring(sealed(b"x"))
    with pytest.raises(BundleNotTakenError) as caught:
        await site.link.bring(sealed(b"x"))
    assert caught.value.refusal is OutcomeCode.BUSY
    with pytest.raises(RequestRefusedError, match="Nothing is known"):
        await site.link.follow("f" * 32, 0, 25)
    await site.server.stop()
    with pytest.raises(ControlError, match="not running") as away:
        await site.link.identity()
    assert not isinstance(away.value, RequestRefusedError)


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (StickCode.IDENTITY_WRITTEN, BundleResult.NOTHING_TO_DO),
        (StickCode.NO_BUNDLE, BundleResult.NOTHING_TO_DO),
        (StickCode.COPY_WRITTEN, BundleResult.NOTHING_TO_DO),
        (StickCode.COPY_NOT_WRITTEN, BundleResult.INTERRUPTED),
        (StickCode.COPY_READ, BundleResult.NOTHING_TO_DO),
        (StickCode.COPY_NOT_WANTED, BundleResult.NOTHING_TO_DO),
        (OutcomeCode.WRONG_SERIAL, BundleResult.REFUSED),
        (OutcomeCode.FORGED, BundleResult.REFUSED),
        (StickCode.STICK_UNREADABLE, BundleResult.REFUSED),
    ],
)
async def test_the_phone_hears_why_there_is_nothing_for_it(
    site: Site, code: StickCode | OutcomeCode, result: BundleResult
) -> None:
    await site.link.stick_done(code)
    assert site.heard == [BundleEnded(result, code)]


@pytest.mark.parametrize(
    "news", [{"request": "stick_removed", "early": True}, {"request": "stick_done", "code": "stick_unreadable"}]
)
async def test_a_stick_that_has_gone_holds_no_other_bundle_off(site: Site, news: dict[str, str | bool]) -> None:
    await site.link.begin(100)
    await asyncio.to_thread(say, site.folder / "stick.sock", news)
    assert site.intake.size_bytes == 0


async def test_the_phone_hears_of_the_report_and_of_the_end(site: Site) -> None:
    for written in (True, False):
        request = {"request": "reported", "written": written}
        await asyncio.to_thread(say, site.folder / "stick.sock", request)
    await asyncio.to_thread(say, site.folder / "stick.sock", {"request": "stick_removed"})
    assert site.heard == [StickReported(written=True), StickReported(written=False), StickRemoved()]


async def test_whoever_has_one_thing_to_say_is_told_where_nobody_hears_it_or_wants_to(site: Site) -> None:
    with pytest.raises(RequestRefusedError, match="did not take"):
        await asyncio.to_thread(say, site.folder / "stick.sock", {"request": "reported", "written": "perhaps"})
    with pytest.raises(ControlError, match="Does it run"):
        await asyncio.to_thread(say, site.folder / "no.sock", {"request": "stick_removed"})
    assert not site.heard


def fetched(site: Site, name: str) -> bytes:
    return b"".join(site.link.fetch(name))


async def test_files_that_were_ordered_are_fetched_whole_and_then_deleted(site: Site) -> None:
    wanted = {name: len(await asyncio.to_thread(fetched, site, name)) for name in await site.link.ordered()}
    assert wanted == {"contacts.vcf": 128_000, "wecall-20260100-030405.key.age": 3}
    assert await asyncio.to_thread(fetched, site, "contacts.vcf") == site.ordered.files["contacts.vcf"]
    await site.link.fetched(list(wanted))
    assert not site.ordered.files


async def test_other_files_are_not_to_be_had(site: Site) -> None:
    with pytest.raises(RequestRefusedError, match="not ordered"):
        await asyncio.to_thread(fetched, site, "store.db")


async def test_a_file_that_is_erased_while_it_is_fetched_is_known_not_to_be_whole(site: Site) -> None:
    site.ordered.files["contacts.vcf"] = bytes(3_000_000)
    pieces = site.link.fetch("contacts.vcf")
    assert await asyncio.to_thread(next, pieces)
    del site.ordered.files["contacts.vcf"]
    with pytest.raises(ControlError, match="before all of it had come"):
        await asyncio.to_thread(list, pieces)


async def test_a_file_that_nobody_reads_on_in_keeps_no_other_from_being_fetched(site: Site) -> None:
    site.ordered.files["contacts.vcf"] = bytes(3_000_000)
    unread = site.link.fetch("contacts.vcf")
    assert await asyncio.to_thread(next, unread)
    assert await asyncio.to_thread(fetched, site, "wecall-20260100-030405.key.age") == b"key"
    assert len(b"".join(await asyncio.to_thread(list, unread))) > 2_000_000


def opened() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_file_whose_reader_has_gone_is_let_go_of(site: Site) -> None:
    site.ordered.files["contacts.vcf"] = bytes(3_000_000)
    pieces = site.link.fetch("contacts.vcf")
    assert await asyncio.to_thread(next, pieces)
    before = opened()
    del pieces
    # This end of it and the handset's.
    await asyncio.to_thread(wait_until, lambda: opened() <= before - 2)


async def raw(site: Site, **request: object) -> str:
    """Send what the stick process's own end would not."""
    reader, writer = await asyncio.open_unix_connection(site.folder / "stick.sock", limit=MAX_LINE_BYTES)
    writer.write(json.dumps(request).encode() + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    assert answer["ok"] is False
    return str(answer["error"])


@pytest.mark.parametrize(
    "request_",
    [
        {"request": "export_fetch", "name": "../store.db"},
        {"request": "export_fetch", "name": "/etc/passwd"},
        {"request": "export_fetch", "name": "contacts.vcf", "offset": -1},
        {"request": "bundle_begin", "size_bytes": 0},
        {"request": "bundle_follow", "offer": "../../x"},
        {"request": "bundle_follow", "offer": f"{OFFER}\n"},
        {"request": "bundle", "path": "/etc/passwd"},
        {"request": "bundle_follow", "offer": OFFER, "wait_s": 1e9},
        {"request": "stick_done", "code": "anything <b>else</b>"},
        {"request": "identity", "more": 1},
    ],
)
async def test_what_is_no_request_of_a_stick_is_refused(site: Site, request_: dict[str, object]) -> None:
    error = await raw(site, **request_)
    assert "has mistakes" in error
    assert "else" not in error
    assert not site.heard


OTHERS = (REQUESTS[Role.ADMIN].keys() | REQUESTS[Role.SYNC].keys()) - REQUESTS[Role.STICK].keys()


@pytest.mark.parametrize("name", sorted(OTHERS))
async def test_a_stick_may_ask_nothing_that_others_may(site: Site, name: str) -> None:
    assert "knows no such request" in await raw(site, request=name)


async def test_the_sockets_are_apart(site: Site) -> None:
    with pytest.raises(ControlError, match="not running"):
        await ask_async(site.folder, Role.ADMIN, StatusRequest())


def test_each_reason_that_the_stick_process_finds_has_words_on_the_display() -> None:
    assert set(REFUSALS) <= CODES.keys()


GONE = BundleEnded(BundleResult.INTERRUPTED, StickCode.STICK_GONE)


@pytest.mark.parametrize(("early", "heard"), [(True, [GONE, StickRemoved()]), (False, [StickRemoved()])])
async def test_a_stick_that_is_pulled_out_while_it_is_read_was_pulled_out_too_early(
    site: Site, early: bool, heard: list[BundleNews]
) -> None:
    await asyncio.to_thread(say, site.folder / "stick.sock", {"request": "stick_removed", "early": early})
    assert site.heard == heard


async def test_one_stick_that_is_taken_out_says_nothing_of_another_one_that_is_read(site: Site) -> None:
    await site.link.identity()
    await site.link.begin(5)
    await asyncio.to_thread(say, site.folder / "stick.sock", {"request": "stick_removed", "early": False})
    assert site.heard == [StickRemoved()]
