"""Forty phones for tomorrow, and the mistakes that people make: each is caught where it is made.

An installer with a table, the commands that ship, sticks and the local network; the phones are real processes. A
landing sets up the first few of the forty, the soak all of them.
"""

import asyncio
import base64
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from contract.results import BundleResult, OutcomeCode
from firmware.control.stick_client import HandsetLink
from firmware.setup.stick.folder import StickFolder
from firmware.setup.stick.patience import Patience
from firmware.setup.stick.visit import Visit
from firmware.setup.stick.writing import Outgoing
from provisioning.bundle import key_words
from provisioning.report import Report, read_report
from tests.lab.building import building, with_serial_of_its_own
from tests.lab.bundle_site import BundleSite, Stick, history_once, somebody_at
from tests.lab.chance import counted
from tests.lab.handset import Handset
from tests.lab.installer_desk import BlankHandset, InstallerDesk, opened
from tests.lab.serving_desk import ServingDesk
from tests.lab.stage import FLEET

PHONES: Final = 40
REAL: Final = counted(PHONES, 4)
"""So many of them run, half set up by stick and half by the network."""
AT_ONCE: Final = 2
SET_UP_WITHIN_S: Final = 20.0
COLUMNS: Final = ("device_id", "serial", "label", "place", "password")
SERIAL, PASSWORD = 1, 4

pytestmark = [pytest.mark.feature("a whole site"), pytest.mark.soak, pytest.mark.timeout(counted(3600, 240))]


class Desk(InstallerDesk):
    """The installer's, with what all phones of the site have in common.

    Attributes:
        identities: a folder with who the phones are, as sticks have collected it.
        password: each phone's.
    """

    def __init__(self, folder: Path, site: BundleSite) -> None:
        super().__init__(folder)
        self.password = site.password
        self.identities = folder / "identities"
        self.identities.mkdir()
        self.configuration_path.write_text(site.without_broker(self.public))
        ca = self.site / "certificates" / "ca.pem"
        ca.parent.mkdir()
        ca.write_bytes(site.stage.authority.ca_path.read_bytes())

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        """Save the table, for nobody else to read."""
        self.write_table(COLUMNS, *rows)
        self.table.chmod(0o600)

    def check(self) -> str:
        return self.run("bundle", "mass", self.table, "--check", "--to", self.identities).output

    def bundle_for(self, serial: str) -> Path:
        return self.stick / f"{serial}.wecall"


@pytest.fixture
def site(tmp_path: Path) -> BundleSite:
    """Return a site that is not in use yet."""
    return BundleSite(tmp_path / "stage")


@pytest.fixture
def in_use(site: BundleSite) -> Iterator[BundleSite]:
    with site:
        yield site


@pytest.fixture
def desk(tmp_path: Path, site: BundleSite) -> Desk:
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk", site)


def rows_for(serials: Sequence[str], password: str) -> list[list[str]]:
    return [
        [f"room-{number:02}", serial, f"Room {number}", "Wing A" if number < PHONES // 2 else "Wing B", password]
        for number, serial in enumerate(serials)
    ]


async def plug_in(folder: Path, handset: Handset) -> Report | None:
    """Have a folder looked at as a stick in a phone is, write to it what the phone leaves, and return its report."""
    outgoing = folder.with_name(f"outgoing-{time.monotonic_ns()}")
    outgoing.mkdir()
    stick, laid_out = StickFolder(folder), Outgoing(outgoing)
    await Visit(stick, HandsetLink(handset.folder / "run"), laid_out, Patience()).look()
    laid_out.write_to(stick)
    reports = sorted(outgoing.glob("report-*.json"))
    return read_report(reports[0].read_bytes()) if reports else None


def test_what_is_wrong_in_a_table_is_told_in_its_row_before_anything_is_made(desk: Desk, site: BundleSite) -> None:
    serials = [f"10000000abcd{number:04x}" for number in range(PHONES)]
    serials[5] = "0000000012345678"
    for serial in serials[:-1]:
        BlankHandset(serial).leave_identity(desk.identities)
    right = desk.configuration_path.read_text()
    rows = rows_for(serials, site.password)
    # A spreadsheet ate the zeros; a digit too many; a letter for a zero; a cell that was copied down; a name that was
    # given twice; a password that was forgotten; a country that nobody chose; a phone whose stick was forgotten.
    rows[5][SERIAL] = "12345678"
    rows[8][SERIAL] += "0"
    rows[11][SERIAL] = rows[11][SERIAL].replace("0", "o", 1)
    rows[12][SERIAL] = rows[13][SERIAL]
    rows[15][0] = rows[14][0]
    rows[20][PASSWORD] = ""
    desk.configuration_path.write_text(re.sub(r"country = .*\n", "", right))
    desk.write(rows)
    assert "config.toml: device.country: is missing" in desk.check()
    desk.configuration_path.write_text(right)
    told = desk.check()
    for words in (
        "row 7, column B (serial): no identity is of 12345678; did you mean 0000000012345678,",
        f"row 10, column B (serial): no identity is of {serials[8]}0; did you mean {serials[8]},",
        f"row 13, column B (serial): no identity is of {rows[11][SERIAL]}; did you mean {serials[11]},",
        "row 15, column B (serial): row 14 has this serial already.",
        "row 17, column A (device_id): row 16 has this device id already.",
        "row 22, column E (password): this cell must be filled in.",
        f"row 41, column B (serial): no identity is of {serials[-1]};",
    ):
        assert words in told
    assert site.password not in told
    assert list(desk.stick.iterdir()) == []

    # As it says; of the last phone there is no identity, so that it gets a code.
    rows = rows_for(serials, site.password)
    desk.write(rows)
    told = desk.check()
    assert "row 41, column B (serial): no identity is of this handset, so that a code has to be typed there" in told
    assert told.count("warning: devices.csv, row") == 1
    assert f"{PHONES} handset(s), no mistake." in told
    desk.mass("--to", desk.identities)
    made = {path.stem: opened(path) for path in desk.stick.glob("*.wecall")}
    assert made.keys() == set(serials)
    assert {serial for serial in serials if made[serial].within("sealed") == ("sealed/code",)} == {serials[-1]}


async def test_all_are_set_up_by_stick_or_network_and_a_wrong_stick_is_told_at_the_phone(
    desk: Desk, in_use: BundleSite, tmp_path: Path
) -> None:
    site = in_use
    handsets = [site.stage.new_handset(f"new-{number}", new=True) for number in range(REAL)]
    for number, handset in enumerate(handsets):
        handset.configuration = None
        with_serial_of_its_own(handset, number)
        (handset.folder / "site.pub").write_text(f"{desk.public}\n")
    # The first card has no key of the site: there somebody compares the words with the sheet.
    (handsets[0].folder / "site.pub").unlink()

    # One stick goes from phone to phone, and collects who they are.
    serials = []
    for handset in handsets:
        await asyncio.to_thread(handset.start, sync=False)
        assert await plug_in(desk.identities, handset) is None
        serials.append((await Stick(handset).identity()).serial)
        await asyncio.to_thread(handset.stop)
    serials += [f"10000000abcd{number:04x}" for number in range(PHONES - REAL)]
    for serial in serials[REAL:]:
        BlankHandset(serial).leave_identity(desk.identities)
    desk.write(rows_for(serials, site.password))
    assert f"{PHONES} handset(s), no mistake." in desk.check()
    desk.mass("--to", desk.identities)

    by_stick, by_network = handsets[: REAL // 2], handsets[REAL // 2 :]
    took_s = [await by_the_stick(handset, desk, has_key=handset is not handsets[0]) for handset in by_stick]
    for first in range(0, len(by_network), AT_ONCE):
        took_s += await over_the_network(by_network[first : first + AT_ONCE], desk)
    assert max(took_s) < SET_UP_WITHIN_S, took_s
    told = desk.did("bundle", "reports", desk.stick)
    assert f"{len(by_stick)} done" in told, told
    await asyncio.to_thread(handsets[0].start, sync=False)
    await wrong_sticks(handsets[0], desk, serials, tmp_path)


async def by_the_stick(handset: Handset, desk: Desk, *, has_key: bool) -> float:
    """Plug the stick of the whole site in, and return how long it takes."""
    await asyncio.to_thread(handset.start, sync=False)
    began_s = time.monotonic()
    visit = asyncio.create_task(plug_in(desk.stick, handset))
    if not has_key:
        async with somebody_at(handset) as person:
            await person.reads("On the sheet?")
            await person.reads_the_beginning_of(" ".join(key_words(base64.b64decode(desk.public))))
            await person.press("ok")
    report = await visit
    took_s = time.monotonic() - began_s
    assert report is not None
    assert report.result is BundleResult.APPLIED, report
    await asyncio.to_thread(handset.stop)
    return took_s


async def over_the_network(handsets: Sequence[Handset], desk: Desk) -> list[float]:
    """Let phones find their bundles where the installer serves them all, and return how long each takes."""
    took_s = []
    for handset in handsets:
        await asyncio.to_thread(handset.start, sync=False)
    with building(len(handsets)) as network, ServingDesk(network.desk, desk.stick), ExitStack() as looking:
        began_s = time.monotonic()
        for number, handset in enumerate(handsets):
            looking.enter_context(network.looking(handset, number))
        for handset in handsets:
            await history_once(handset, lambda history: history["active"] is not None)
            took_s.append(time.monotonic() - began_s)
    for handset in handsets:
        await asyncio.to_thread(handset.stop)
    return took_s


async def wrong_sticks(handset: Handset, desk: Desk, serials: Sequence[str], tmp_path: Path) -> None:
    """Bring a phone that is set up what people bring by mistake; it says what to do, and stays as it is."""
    name, own = f"{serials[0]}.wecall", desk.bundle_for(serials[0]).read_bytes()

    async def told(bundle: bytes, code: OutcomeCode, words: str, called: str = name) -> Path:
        stick = tmp_path / code.value
        stick.mkdir()
        (stick / called).write_bytes(bundle)
        async with somebody_at(handset) as person:
            report = await plug_in(stick, handset)
            assert report is not None
            assert (report.result, report.code) == (BundleResult.REFUSED, code)
            await person.reads_the_beginning_of(words)
        return stick

    # The stick of another floor: this phone has no bundle on it, and leaves who it is for whoever makes them.
    anothers = desk.bundle_for(serials[1])
    stick = await told(
        anothers.read_bytes(),
        OutcomeCode.WRONG_SERIAL,
        "It is for another phone. Add this serial number.",
        anothers.name,
    )
    assert [path.name for path in stick.glob("identity-*")] == [f"identity-{serials[0]}.json"]
    # Half of it, of a stick that was pulled out of the computer too early.
    await told(own[: len(own) // 2], OutcomeCode.FORGED, "Changed after it was signed. Copy it to the stick again.")

    # Yesterday's stick, after what was changed today; and one of another hotel that the same installer looks after.
    rows = rows_for(serials, desk.password)
    rows[0][0] = "reception"
    desk.write(rows)
    desk.mass("--to", desk.identities)
    report = await plug_in(desk.stick, handset)
    assert report is not None
    assert report.result is BundleResult.APPLIED
    await told(own, OutcomeCode.OLD, "This phone has had a newer one. Give it a higher number.")
    elsewhere = desk.configuration_path.read_text().replace(f'fleet = "{FLEET}"', 'fleet = "elsewhere"')
    desk.configuration_path.write_text(elsewhere)
    desk.mass("--to", desk.identities)
    await told(
        desk.bundle_for(serials[0]).read_bytes(), OutcomeCode.WRONG_FLEET, f"It is for fleet elsewhere, not {FLEET}."
    )
    assert (await history_once(handset, bool))["reverted"] == []
