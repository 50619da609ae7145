from pathlib import Path

import pytest

from contract.results import CheckCode, HardwarePart
from firmware.base.durable import replace_durably
from firmware.base.errors import StorageError
from firmware.configuration.loading import LoadedConfiguration
from firmware.phone.call import RegistrationState
from firmware.phone.key import Key
from firmware.phone.news import RegistrationChanged
from firmware.phone.requests.handset import KeepSelfTest, Loudness, PartTested, ReadLoudness
from firmware.services.doctor.findings import Condition, Finding, examine
from firmware.services.self_test import SelfTestErrands, kept_self_test
from provisioning.report import HardwareTest

pytestmark = pytest.mark.feature("self-test of the hardware")

FOUND = (
    PartTested(HardwarePart.KEYS, works=False, missing=(Key.DIGIT_5, Key.HASH)),
    PartTested(HardwarePart.HOOK, works=True),
    PartTested(HardwarePart.EAR, works=None),
)


def errands(folder: Path) -> SelfTestErrands:
    async def loudness() -> Loudness:
        return Loudness(20, 3000)

    return SelfTestErrands(folder, loudness)


async def keep(folder: Path, *found: PartTested) -> HardwareTest:
    await errands(folder).handlers[KeepSelfTest](KeepSelfTest(found))
    kept = kept_self_test(folder)
    assert kept is not None
    return kept


def finding(test: HardwareTest | None) -> Finding | None:
    condition = Condition(
        LoadedConfiguration(None, ()), RegistrationChanged(RegistrationState.UNREGISTERED), hardware=test
    )
    return next((each for each in examine(condition) if each.part == "self-test"), None)


async def test_what_was_found_of_each_part_is_kept(tmp_path: Path) -> None:
    kept = await keep(tmp_path, *FOUND)
    assert [(check.part, check.passed, check.code, check.keys) for check in kept.checks] == [
        (HardwarePart.KEYS, False, CheckCode.NOT_NOTICED, ("5", "#")),
        (HardwarePart.HOOK, True, CheckCode.OK, ()),
        (HardwarePart.EAR, False, CheckCode.NOT_TRIED, ()),
    ]


async def test_the_next_test_takes_the_place_of_the_last(tmp_path: Path) -> None:
    await keep(tmp_path, *FOUND)
    assert len((await keep(tmp_path, FOUND[1])).checks) == 1


async def test_nothing_is_kept_before_the_first_test_and_a_damaged_file_is_none(tmp_path: Path) -> None:
    assert kept_self_test(tmp_path) is None
    await keep(tmp_path, *FOUND)
    replace_durably(tmp_path / "hardware-test.json", b"{")
    assert kept_self_test(tmp_path) is None


async def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be kept"):
        await keep(tmp_path / "gone", *FOUND)


async def test_how_loud_it_is_is_told(tmp_path: Path) -> None:
    assert await errands(tmp_path).handlers[ReadLoudness](ReadLoudness()) == Loudness(20, 3000)


async def test_the_doctor_says_what_did_not_work(tmp_path: Path) -> None:
    assert finding(None) is None
    bad = finding(await keep(tmp_path, *FOUND))
    assert bad is not None
    assert not bad.ok
    assert bad.detail.endswith("this did not work: keys 5 #, ear.")
    good = finding(await keep(tmp_path, FOUND[1]))
    assert good is not None
    assert good.ok
