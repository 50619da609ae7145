"""A code is given once and typed once: it outlasts what people delete, and none that was printed is replaced unsaid."""

import json
import re
import time
from pathlib import Path

import pytest

from contract.results import BundleResult
from firmware.configuration.standing import Ended
from firmware.installer import batch
from firmware.phone.bundle_news import AnswerBundleSigner, BundleCodeWanted, TryBundleCode
from provisioning.sealing import unseal_with_code
from tests.lab.bundle_desk import DeskLab
from tests.lab.bundles import SERIAL
from tests.lab.installer_desk import InstallerDesk, opened, seal_cheaply

HEADINGS = ("serial", "username", "password", "label")
FIRST = (SERIAL, "101", "one-secret", "Reception")
SECOND = ("10000000abcd0002", "102", "two-secret", "Kitchen")


@pytest.fixture
def desk(desk: InstallerDesk, monkeypatch: pytest.MonkeyPatch) -> InstallerDesk:
    monkeypatch.setattr(batch, "seal_to_code", seal_cheaply)
    desk.write_table(HEADINGS, FIRST, SECOND)
    return desk


def codes(desk: InstallerDesk) -> list[str]:
    page = (desk.site / "devices-labels.html").read_text()
    return [code.replace(" ", "") for code in re.findall(r"</small> ([0-9 ]+)<", page)]


def sealed(desk: InstallerDesk, serial: str) -> bytes:
    return opened(desk.stick / f"{serial}.wecall").read("sealed/code")


def delete(desk: InstallerDesk, *names: str) -> None:
    for name in names:
        (desk.site / name).unlink()


def test_new_codes_are_counted_and_stand_in_no_file_but_the_sheet(desk: InstallerDesk) -> None:
    said = desk.mass()
    assert "2 label(s), 2 with a code (2 of them new)" in said
    assert "delete devices-labels.html; the same command writes it again" in said
    assert "2 label(s), 2 with a code, and" in desk.mass()
    given = codes(desk)
    delete(desk, "devices-labels.html")
    beside = b"".join(path.read_bytes() for path in desk.site.iterdir() if path.is_file())
    assert not any(code.encode() in beside for code in given)


@pytest.mark.parametrize("gone", [("devices.csv.made",), ("devices-labels.html",)], ids=["record", "sheet"])
def test_codes_outlast_the_record_and_the_sheet(desk: InstallerDesk, gone: tuple[str, ...]) -> None:
    desk.mass()
    printed, before = codes(desk), [sealed(desk, row[0]) for row in (FIRST, SECOND)]
    delete(desk, *gone)
    desk.mass()
    assert codes(desk) == printed
    assert [sealed(desk, row[0]) for row in (FIRST, SECOND)] == before


@pytest.mark.parametrize("left", ["devices.csv.made", "devices-labels.html", "stick"])
def test_where_a_code_is_lost_one_trace_is_enough_for_other_codes_to_be_asked_for(
    desk: InstallerDesk, left: str
) -> None:
    table = desk.table.read_bytes()
    desk.mass()
    printed, sealed_file = codes(desk), (desk.site / "devices.csv.sealed").read_bytes()
    delete(desk, "devices.csv.sealed", *({"devices.csv.made", "devices-labels.html"} - {left}))
    if left != "stick":
        for path in desk.stick.iterdir():
            path.unlink()
    bundles = {path: path.read_bytes() for path in desk.stick.iterdir()}
    desk.table.write_bytes(table)
    said = desk.refused("bundle", "mass", desk.table, "--stick", desk.stick, "--key", desk.key)
    assert "2 handset(s) have been given a code that is not known any more, so that labels which are printed" in said
    assert f"{FIRST[0]}, {SECOND[0]}" in said
    assert {path: path.read_bytes() for path in desk.stick.iterdir()} == bundles
    (desk.site / "devices.csv.sealed").write_bytes(sealed_file)
    desk.mass()
    assert codes(desk) == printed
    delete(desk, "devices.csv.sealed")
    desk.table.write_bytes(table)
    assert "(2 of them new)" in desk.mass("--anew")
    assert not set(codes(desk)) & set(printed)


def test_other_codes_that_were_cut_off_are_the_ones_that_count(
    desk: InstallerDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.mass()

    def full(target: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device", str(target))

    with monkeypatch.context() as cut:
        cut.setattr(batch, "replace_durably", full)
        desk.refused("bundle", "mass", desk.table, "--stick", desk.stick, "--key", desk.key, "--anew")
    desk.mass()
    for row, code in zip((FIRST, SECOND), codes(desk), strict=True):
        assert unseal_with_code(sealed(desk, row[0]), code) == {"sip-password": row[2]}


def test_codes_in_the_record_of_older_tools_stay_and_leave_it(desk: InstallerDesk) -> None:
    lines = [
        {
            "serial": row[0], "inputs": "0" * 64, "number": 1, "code": code, "digest": "0" * 64,
            "until": "2030-01-01T00:00:00Z",
        }
        for row, code in ((FIRST, "0123456789"), (SECOND, "9876543210"))
    ]  # fmt: skip
    record = desk.site / "devices.csv.made"
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "of them new" not in desk.mass()
    assert codes(desk) == ["0123456789", "9876543210"]
    assert "0123456789" not in record.read_text()
    delete(desk, "devices.csv.made")
    desk.mass()
    assert codes(desk) == ["0123456789", "9876543210"]


def test_what_is_sealed_is_the_same_as_long_as_the_secrets_are(desk: InstallerDesk) -> None:
    desk.mass()
    before = [sealed(desk, row[0]) for row in (FIRST, SECOND)]
    desk.write_table(HEADINGS, (*FIRST[:2], "", "Entrance"), (*SECOND[:2], "other-secret", "Kitchen"))
    assert "2 bundle(s) written" in desk.mass()
    after = [sealed(desk, row[0]) for row in (FIRST, SECOND)]
    assert after[0] == before[0]
    assert after[1] != before[1]


async def test_a_handset_asks_for_a_code_once_and_again_for_another_password(
    desk: InstallerDesk, tmp_path: Path
) -> None:
    asked: list[int] = []
    for password, label in (("one-secret", "Reception"), ("", "Entrance"), ("other-secret", "Entrance")):
        desk.write_table(HEADINGS, (*FIRST[:2], password, label))
        desk.mass()
        handset = DeskLab(tmp_path / "handset", now_s=time.time() + 1)
        handset.answers = [AnswerBundleSigner(accepted=True), TryBundleCode(*codes(desk))]
        trial = await handset.staged((desk.stick / f"{SERIAL}.wecall").read_bytes())
        handset.config_store.keep(0, ())
        handset.config_store.end(Ended.of(trial, BundleResult.APPLIED, checks=(), at_s=0))
        asked.append(sum(isinstance(news, BundleCodeWanted) for news in handset.news))
    assert asked == [1, 0, 1]
