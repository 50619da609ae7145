"""A whole visit of a stick, with a handset whose answers are prepared."""

import errno
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.results import BundleCode, BundleResult, CheckCode, HardwarePart, OutcomeCode, StickCode
from firmware.base.errors import BundleNotTakenError, ControlError, RequestRefusedError, StickError
from firmware.control.stick_answers import BundleFollowed, UpdateTaken
from firmware.display.translation import Language
from firmware.phone.bundle_news import BundleStep
from firmware.setup.stick.folder import StickFolder
from firmware.setup.stick.patience import Patience
from firmware.setup.stick.report_text import report_text
from firmware.setup.stick.visit import Visit
from firmware.setup.stick.writing import Outgoing
from provisioning.identity import Identity, new_broker_key, new_sealing_key, read_identity
from provisioning.report import HardwareCheck, HardwareTest, Report, read_report
from tests.lab.bundles import SERIAL, Installer

INSTALLER = Installer()
IDENTITY = Identity.of(SERIAL, new_sealing_key(), new_broker_key(), "1.2.3")
OFFER = "0123456789abcdef"
PIECE_BYTES = 45_000
APPLIED = Report(
    serial=SERIAL, number=7, firmware="1.2.3", result=BundleResult.APPLIED, made_at=datetime(2026, 11, 25, tzinfo=UTC)
)
REPORT, TEXT, WHO = f"report-{SERIAL}.json", f"report-{SERIAL}.txt", f"identity-{SERIAL}.json"


class Handset:
    """Does as a handset does; what it is asked is written down."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.taken = b""
        self.news = [BundleFollowed(count=1, step=BundleStep.CHECKING, report=None)]
        self.news += [BundleFollowed(count=2, step=BundleStep.KEEPING, report=APPLIED)]
        self.copies: dict[str, bytes] = {}
        self.away = 0
        self.wants_copy = True
        self.afters: list[int] = []
        self.updates = [UpdateTaken(code=OutcomeCode.INSTALLED, version="0.3.0")]
        self.test: HardwareTest | None = None
        self.when_brought: Callable[[], None] = lambda: None

    def _be_there(self) -> None:
        if self.away:
            self.away -= 1
            raise ControlError("nobody listens")

    async def identity(self) -> Identity:
        self._be_there()
        return IDENTITY

    async def hardware(self) -> HardwareTest | None:
        self._be_there()
        return self.test

    async def begin(self, size_bytes: int) -> None:
        self._be_there()
        self.said.append(("begin", size_bytes))

    async def bring(self, bundle: BinaryIO) -> str:
        self._be_there()
        self.when_brought()
        self.taken = os.pread(bundle.fileno(), 1 << 30, 0)
        return OFFER

    async def follow(self, offer: str, after: int, wait_s: float) -> BundleFollowed:
        assert offer == OFFER
        assert self.taken
        self._be_there()
        self.afters.append(after)
        return self.news.pop(0)

    async def bring_update(self, update: BinaryIO, proof: bytes, release_keys: bytes) -> UpdateTaken:
        self._be_there()
        self.said.append(("update", os.pread(update.fileno(), 100, 0), proof, release_keys))
        return self.updates.pop(0)

    async def bring_copy(self, copy: BinaryIO, key: bytes) -> bool:
        self.said.append(("copy", os.pread(copy.fileno(), 1 << 30, 0), key))
        return self.wants_copy

    async def stick_done(self, code: BundleCode) -> None:
        self._be_there()
        self.said.append(code)

    async def ordered(self) -> Sequence[str]:
        self._be_there()
        return list(self.copies)

    def fetch(self, name: str) -> Iterator[bytes]:
        self._be_there()
        yield from (self.copies[name][at : at + PIECE_BYTES] for at in range(0, len(self.copies[name]), PIECE_BYTES))

    async def fetched(self, names: Sequence[str]) -> None:
        for name in names:
            del self.copies[name]


class Lab:
    """A stick, a handset and time that passes by itself."""

    def __init__(self, path: Path) -> None:
        self.stick = path / "stick"
        self.outgoing = path / "outgoing"
        self.stick.mkdir()
        self.outgoing.mkdir()
        self.handset = Handset()
        self.now_s = 0.0
        patience = Patience(clock=lambda: self.now_s, sleep=self._sleep)
        self.folder, self.laid_out = StickFolder(self.stick), Outgoing(self.outgoing)
        self.visit = Visit(self.folder, self.handset, self.laid_out, patience)

    async def _sleep(self, pause_s: float) -> None:
        self.now_s += pause_s

    async def run(self) -> None:
        await self.visit.look()
        await self.write()

    async def write(self) -> None:
        self.laid_out.write_to(self.folder)
        if self.laid_out.is_something_ordered:
            await self.visit.fetch_ordered()

    def put(self, name: str, content: bytes) -> None:
        (self.stick / name).write_bytes(content)

    @property
    def names(self) -> set[str]:
        return {path.name for path in self.stick.iterdir()}

    @property
    def report(self) -> Report:
        return read_report((self.stick / REPORT).read_bytes())


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


async def test_a_bundle_is_handed_over_and_what_became_of_it_is_on_the_stick(lab: Lab) -> None:
    bundle = INSTALLER.bundle({"contacts.vcf": bytes(range(256)) * 3000, "pictures/a.png": bytes(100_000)})
    lab.put("site.wecall", bundle)
    await lab.run()
    assert lab.handset.taken == bundle
    assert lab.names == {"site.wecall", REPORT, TEXT}
    assert lab.report == APPLIED
    assert lab.handset.said == [("begin", len(bundle))]
    assert lab.handset.afters == [0, 1]


async def test_the_text_beside_it_is_in_both_languages(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle())
    await lab.run()
    text = (lab.stick / TEXT).read_text(encoding="utf-8")
    assert report_text(APPLIED, Language.ENGLISH) in text
    assert report_text(APPLIED, Language.CHINESE) in text


@pytest.mark.feature("self-test of the hardware")
async def test_what_the_self_test_found_is_in_the_report(lab: Lab) -> None:
    bad = HardwareCheck(passed=False, code=CheckCode.NOT_NOTICED, part=HardwarePart.KEYS, keys=("5", "#"))
    good = HardwareCheck(passed=True, part=HardwarePart.HOOK)
    lab.handset.test = HardwareTest(tested_at=datetime(2026, 11, 24, 9, 30, tzinfo=UTC), checks=(bad, good))
    lab.put("site.wecall", INSTALLER.bundle())
    await lab.run()
    assert lab.report == APPLIED.with_hardware(lab.handset.test)
    assert json.loads((lab.stick / REPORT).read_text())["checks"][0] == {
        "name": "hardware", "passed": False, "code": "not_noticed", "line": 0, "part": "keys", "keys": ["5", "#"],
    }  # fmt: skip
    text = (lab.stick / TEXT).read_text(encoding="utf-8")
    assert "by the self-test of 2026-11-24 09:30 UTC:\n  ! keypad: whoever tested it noticed nothing" in text
    assert "Keys that never came: 5 #.\n  + hook switch: works\n" in text


async def test_a_blank_stick_collects_who_the_handset_is(lab: Lab) -> None:
    await lab.run()
    assert lab.names == {WHO}
    assert read_identity((lab.stick / WHO).read_bytes()) == IDENTITY
    assert lab.handset.said == [StickCode.IDENTITY_WRITTEN]


@pytest.mark.parametrize(
    ("names", "is_left"),
    [
        (("holiday.jpg", "._site.wecall", "report-0000000000000001.json"), True),
        (("site.wecall",), False),
        (("next.raucb",), False),
    ],
)
async def test_a_stick_collects_it_beside_whatever_else_but_not_beside_a_damaged_bundle_or_an_update(
    lab: Lab, names: tuple[str, ...], is_left: bool
) -> None:
    for name in names:
        lab.put(name, b"rubbish")
    await lab.run()
    assert (WHO in lab.names) is is_left


async def test_while_the_stick_is_looked_at_nothing_is_written_to_it(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle())
    lab.stick.chmod(0o500)
    await lab.visit.look()
    assert lab.names == {"site.wecall"}


async def test_one_stick_serves_handsets_one_after_another(lab: Lab, tmp_path: Path) -> None:
    lab.put("report-0000000000000001.json", b"{}")
    lab.put("report-0000000000000001.txt", b"")
    lab.put("site.wecall", INSTALLER.bundle())
    await lab.run()
    assert lab.names == {
        "site.wecall", "report-0000000000000001.json", "report-0000000000000001.txt", REPORT, TEXT,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"rubbish", OutcomeCode.UNREADABLE),
        (INSTALLER.bundle()[:-3] + b"abc", OutcomeCode.FORGED),
        (INSTALLER.bundle(serials=("20000000ffff0000",)), OutcomeCode.WRONG_SERIAL),
    ],
)
async def test_where_nothing_is_for_the_handset_display_and_report_say_why(
    lab: Lab, content: bytes, code: OutcomeCode
) -> None:
    lab.put("site.wecall", content)
    await lab.run()
    assert (lab.report.result, lab.report.code, lab.report.number) == (BundleResult.REFUSED, code, None)
    assert lab.handset.said == [code]
    assert not lab.handset.taken


async def test_whoever_brings_bundles_for_others_learns_who_this_handset_is(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle(serials=("20000000ffff0000",)))
    await lab.run()
    assert read_identity((lab.stick / WHO).read_bytes()) == IDENTITY


async def test_a_handset_that_starts_anew_for_the_trial_is_waited_for(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle())
    handset = lab.handset
    follow = handset.follow

    async def follow_with_an_absence(offer: str, after: int, wait_s: float) -> BundleFollowed:
        news = await follow(offer, after, wait_s)
        if not handset.afters[:-1]:
            handset.away = 12
        return news

    handset.follow = follow_with_an_absence  # type: ignore[method-assign]
    await lab.run()
    assert lab.report == APPLIED
    assert handset.afters == [0, 0], "another run of the handset counts anew"


async def test_a_handset_that_starts_anew_before_it_has_the_bundle_gets_all_of_it(lab: Lab) -> None:
    bundle = INSTALLER.bundle({"pictures/a.png": bytes(4 * PIECE_BYTES)})
    lab.put("site.wecall", bundle)
    tries = 0

    def vanish_once() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            lab.handset.away = 5
            raise RequestRefusedError("The handset stopped before it answered.")

    lab.handset.when_brought = vanish_once
    await lab.run()
    assert lab.handset.taken == bundle
    assert lab.report == APPLIED


@pytest.mark.parametrize("step", ["begin", "bring"])
@pytest.mark.parametrize(
    ("error", "code", "longest_s"),
    [
        (RequestRefusedError("Nothing is known of this bundle."), OutcomeCode.FAILED, 20),
        (BundleNotTakenError(OutcomeCode.NO_SPACE), OutcomeCode.NO_SPACE, 0),
        (BundleNotTakenError(OutcomeCode.BUSY), OutcomeCode.BUSY, 600),
    ],
    ids=["refused", "no room", "busy"],
)
async def test_a_handset_that_takes_no_bundle_now_says_why_and_is_not_asked_for_ever(
    lab: Lab, error: RequestRefusedError, code: OutcomeCode, longest_s: float, step: str
) -> None:
    lab.put("site.wecall", INSTALLER.bundle(number=8))

    async def refuse(_what: object) -> None:
        raise error

    setattr(lab.handset, step, refuse)
    await lab.run()
    assert (lab.report.result, lab.report.code) == (BundleResult.REFUSED, code)
    assert [said for said in lab.handset.said if not isinstance(said, tuple)] == [code]
    assert lab.now_s <= longest_s


async def test_a_stick_that_was_in_while_the_power_failed_waits_for_the_end_of_the_trial_that_goes_on(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle(number=8))
    begin = lab.handset.begin

    async def begin_later(size_bytes: int) -> None:
        if lab.now_s < 90:
            raise BundleNotTakenError(OutcomeCode.BUSY)
        await begin(size_bytes)

    lab.handset.begin = begin_later  # type: ignore[method-assign]
    await lab.run()
    assert lab.report == APPLIED
    assert OutcomeCode.BUSY not in lab.handset.said


async def test_a_handset_that_never_comes_back_leaves_a_report_that_says_so(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle(number=8))
    handset = lab.handset
    handset.news = [BundleFollowed(count=1, step=BundleStep.LINES, report=None)]
    follow = handset.follow

    async def follow_and_go(offer: str, after: int, wait_s: float) -> BundleFollowed:
        news = await follow(offer, after, wait_s)
        handset.away = 10_000
        return news

    handset.follow = follow_and_go  # type: ignore[method-assign]
    await lab.visit.look()
    report = read_report((lab.outgoing / REPORT).read_bytes())
    assert (report.result, report.number) == (BundleResult.INTERRUPTED, 8)
    assert lab.now_s < 300


async def test_a_handset_that_is_still_starting_when_the_stick_is_in_is_waited_for(lab: Lab) -> None:
    lab.handset.away = 15
    await lab.run()
    assert lab.names == {WHO}


async def test_a_stick_that_cannot_be_read_is_said_on_the_display(lab: Lab) -> None:
    lab.stick.rmdir()
    with pytest.raises(StickError):
        await lab.visit.look()
    assert lab.handset.said == [StickCode.STICK_UNREADABLE]


def pull_out(lab: Lab, patch: pytest.MonkeyPatch) -> None:
    class Pulled(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if lab.handset.said:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    patch.setattr(lab.folder, "open", lambda name: Pulled((lab.stick / name).read_bytes()))


def fill_card(_lab: Lab, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tempfile, "TemporaryFile", lambda **_: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb"))


@pytest.mark.parametrize(
    ("spoil", "said", "reported"),
    [
        (pull_out, StickCode.STICK_UNREADABLE, OutcomeCode.UNREADABLE),
        (fill_card, OutcomeCode.NO_SPACE, OutcomeCode.NO_SPACE),
    ],
    ids=["pulled out", "a card that is full"],
)
async def test_a_bundle_that_cannot_be_copied_to_its_end_is_said_on_the_display(
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Lab, pytest.MonkeyPatch], None],
    said: BundleCode,
    reported: OutcomeCode,
) -> None:
    lab.put("site.wecall", bundle := INSTALLER.bundle({"pictures/a.png": bytes(4 * PIECE_BYTES)}))
    spoil(lab, monkeypatch)
    await lab.visit.look()
    assert lab.handset.said == [("begin", len(bundle)), said]
    assert read_report((lab.outgoing / REPORT).read_bytes()).code == reported
    assert not lab.handset.taken


def place_of(file: BinaryIO) -> Path:
    return Path(f"/proc/self/fd/{file.fileno()}").readlink()


async def test_the_handset_is_given_a_copy_and_no_file_of_the_stick(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle(number=8))
    bring = lab.handset.bring
    places: list[Path] = []

    async def bring_and_look(bundle: BinaryIO) -> str:
        places.append(place_of(bundle))
        return await bring(bundle)

    lab.handset.bring = bring_and_look  # type: ignore[method-assign]
    await lab.run()
    [place] = places
    assert place.is_relative_to("/var/tmp")


async def test_a_stick_is_read_until_all_of_its_bundle_has_been_handed_over_and_no_longer(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle(number=8))
    seen: list[bool] = []
    lab.handset.when_brought = lambda: seen.append(lab.laid_out.is_being_read)
    follow = lab.handset.follow

    async def watch(offer: str, after: int, wait_s: float) -> BundleFollowed:
        seen.append(lab.laid_out.is_being_read)
        return await follow(offer, after, wait_s)

    lab.handset.follow = watch  # type: ignore[method-assign]
    await lab.run()
    assert seen == [True, False, False]


@pytest.mark.parametrize(
    ("files", "is_being_read"),
    [({}, False), ({"a.wecall": INSTALLER.bundle(serials=("x" * 8,))}, False), ({"a.wecall": b"rubbish"}, True)],
    ids=["blank", "for others", "cannot be read"],
)
async def test_what_cannot_be_read_may_have_been_pulled_out(
    lab: Lab, files: dict[str, bytes], is_being_read: bool
) -> None:
    for name, content in files.items():
        lab.put(name, content)
    await lab.visit.look()
    assert lab.laid_out.is_being_read is is_being_read


async def test_a_stick_that_was_pulled_out_before_it_was_written_is_not_taken_to_have_its_report(lab: Lab) -> None:
    await lab.visit.look()
    lab.stick.rmdir()
    with pytest.raises(StickError):
        await lab.write()
    assert not lab.laid_out.is_written


async def test_what_the_holder_ordered_goes_to_the_stick_whole_and_is_gone_from_the_handset(lab: Lab) -> None:
    copy = bytes(range(251)) * 1000
    lab.handset.copies = {"wecall-20260100-030405.tar.age": copy, "wecall-20260100-030405.key.age": b"key"}
    await lab.run()
    assert lab.names == {"wecall-20260100-030405.tar.age", "wecall-20260100-030405.key.age"}
    assert (lab.stick / "wecall-20260100-030405.tar.age").read_bytes() == copy
    assert not lab.handset.copies
    assert lab.handset.said == [StickCode.COPY_WRITTEN]


async def test_the_newest_copy_that_has_its_key_is_handed_over_to_whoever_waits_for_it(lab: Lab) -> None:
    lab.put("wecall-20260100-030405.tar", b"open")
    lab.put("wecall-20260200-030405.tar.age", b"sealed")
    lab.put("wecall-20260200-030405.key.age", b"key")
    lab.put("wecall-20260300-030405.tar.age", b"without a key")
    before = lab.names
    await lab.run()
    assert lab.handset.said == [("copy", b"sealed", b"key"), StickCode.COPY_READ]
    assert lab.names == before


async def test_where_nobody_waits_for_a_copy_the_display_says_how_it_comes_back(lab: Lab) -> None:
    lab.put("wecall-20260100-030405.tar", b"open")
    lab.handset.wants_copy = False
    await lab.run()
    assert lab.handset.said == [("copy", b"open", b""), StickCode.COPY_NOT_WANTED]


async def test_a_bundles_end_stays_on_the_display_where_a_copy_goes_to_the_same_stick(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle())
    lab.handset.copies = {"contacts.vcf": b"BEGIN:VCARD"}
    await lab.run()
    assert lab.names == {"site.wecall", REPORT, TEXT, "contacts.vcf"}
    assert StickCode.COPY_WRITTEN not in lab.handset.said


async def test_what_does_not_fit_on_the_stick_stays_on_the_handset(lab: Lab) -> None:
    lab.handset.copies = {"wecall-20260100-030405.tar": bytes(1000)}
    await lab.visit.look()
    # In the way of the file stands a folder: the nearest thing to a full stick that root cannot write around.
    (lab.stick / "wecall-20260100-030405.tar").mkdir()
    with pytest.raises(StickError):
        await lab.write()
    assert set(lab.handset.copies) == {"wecall-20260100-030405.tar"}
    assert lab.handset.said == [StickCode.COPY_NOT_WRITTEN]


async def test_half_a_copy_is_left_on_no_stick(lab: Lab) -> None:
    lab.handset.copies = {"wecall-20260100-030405.tar": bytes(3 * PIECE_BYTES)}
    await lab.visit.look()
    fetch = lab.handset.fetch

    def fetch_until_the_handset_stops(name: str) -> Iterator[bytes]:
        yield next(fetch(name))
        raise ControlError("The handset stopped before all of it had come.")

    lab.handset.fetch = fetch_until_the_handset_stops  # type: ignore[method-assign]
    with pytest.raises(ControlError):
        await lab.write()
    assert lab.names == set()
    assert lab.handset.copies


async def test_nothing_personal_is_in_what_stays_on_the_stick(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle({"contacts.vcf": b"FN:Ada Example\r\nTEL:+491701234567"}, note="for Ada"))
    await lab.run()
    left = (lab.stick / REPORT).read_text() + (lab.stick / TEXT).read_text()
    assert "Ada" not in left
    assert not re.search(r"\d{11,}", left.replace(SERIAL, ""))
    assert json.loads((lab.stick / REPORT).read_text()).keys() == Report.model_fields.keys()


# --- updates of the firmware --------------------------------------------------------------------------------------


@pytest.mark.feature("updates by stick and network")
async def test_an_update_alone_is_handed_over_with_its_proof_and_the_report_names_it(lab: Lab) -> None:
    lab.put("wecall-0.3.0.raucb", b"update")
    lab.put("wecall-0.3.0.raucb.proof", b"proof")
    lab.put("release-keys", b"keys")
    await lab.run()
    assert lab.handset.said == [("update", b"update", b"proof", b"keys")]
    assert (lab.report.update, lab.report.version) == (OutcomeCode.INSTALLED, "0.3.0")
    assert "Update 0.3.0: Installed. The phone restarts to try it." in (lab.stick / TEXT).read_text()
    assert not lab.laid_out.is_being_read


@pytest.mark.feature("updates by stick and network")
async def test_a_bundle_comes_first_and_one_report_has_both(lab: Lab) -> None:
    lab.put("site.wecall", INSTALLER.bundle())
    lab.put("next.raucb", b"update")
    brought: list[object] = []
    lab.handset.when_brought = lambda: brought.extend(lab.handset.said[1:])
    await lab.run()
    assert brought == [], "the update was not yet handed over"
    assert lab.handset.said[-1] == ("update", b"update", b"", b"")
    assert lab.report == APPLIED.model_copy(update={"update": OutcomeCode.INSTALLED, "version": "0.3.0"})


@pytest.mark.feature("updates by stick and network")
async def test_of_several_updates_the_one_for_this_hardware_is_taken(lab: Lab) -> None:
    for name in ("a-amd64.raucb", "a-arm64.raucb", "b-arm64.raucb"):
        lab.put(name, name.encode())
    lab.handset.updates = [UpdateTaken(code=OutcomeCode.NOT_FOR_THIS)] * 2 + lab.handset.updates
    await lab.run()
    assert [said[1] for said in lab.handset.said if isinstance(said, tuple)] == [
        b"b-arm64.raucb", b"a-arm64.raucb", b"a-amd64.raucb",
    ]  # fmt: skip
    assert lab.report.update is OutcomeCode.INSTALLED


@pytest.mark.feature("updates by stick and network")
async def test_a_proof_that_is_none_keeps_the_update_from_being_handed_over(lab: Lab) -> None:
    lab.put("a.raucb", b"update")
    lab.put("a.raucb.proof", bytes(8 * 1024 + 1))
    await lab.run()
    assert lab.handset.said == [StickCode.STICK_UNREADABLE]
    assert lab.report.update is OutcomeCode.UNREADABLE
