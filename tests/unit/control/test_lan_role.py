"""The role of whoever looks for bundles on the local network, over its real socket."""

import os
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.results import OutcomeCode
from firmware.base.errors import BundleError, ControlError, RequestRefusedError
from firmware.control.client import ask_async
from firmware.control.lan_client import HandsetLink
from firmware.control.lan_role import LanRole
from firmware.control.open_files import sealed
from firmware.control.request_lists import REQUESTS
from firmware.control.requests import IdentityRequest, Role
from firmware.control.server import ControlServer

pytestmark = pytest.mark.feature("set-up by the local network")

DIGEST = "ab" * 32


class Intake:
    def __init__(self) -> None:
        self.asked: list[tuple[str, Collection[str]]] = []
        self.brought: list[bytes] = []

    def wants(self, digest: str, serials: Collection[str]) -> bool:
        self.asked.append((digest, serials))
        return "mine-123" in serials

    def offer_address(self, address: str) -> None:
        raise NotImplementedError

    async def confirmed_address(self) -> str:
        raise NotImplementedError

    def fetch_ended(self, code: OutcomeCode) -> None:
        raise NotImplementedError

    async def bring(self, file: BinaryIO) -> None:
        if self.brought:
            raise BundleError("Another bundle is under way.", OutcomeCode.BUSY)
        self.brought.append(os.pread(file.fileno(), 99, 0))


@pytest.fixture
def intake() -> Intake:
    return Intake()


@pytest.fixture
async def folder(tmp_path: Path, intake: Intake) -> AsyncIterator[Path]:
    server = ControlServer(tmp_path, {Role.LAN: LanRole(intake).handlers})
    await server.start()
    yield tmp_path
    await server.stop()


async def test_the_handset_says_yes_or_no_to_an_offer(folder: Path, intake: Intake) -> None:
    link = HandsetLink(folder)
    assert await link.wants(DIGEST, ("mine-123", "another-1"))
    assert not await link.wants(DIGEST, ())
    assert intake.asked == [(DIGEST, ("mine-123", "another-1")), (DIGEST, ())]


async def test_a_bundle_comes_as_an_open_file_and_one_that_is_not_taken_is_refused(
    folder: Path, intake: Intake
) -> None:
    link = HandsetLink(folder)
    with sealed(b"abc") as file:
        await link.bring(file)
        with pytest.raises(RequestRefusedError, match="under way"):
            await link.bring(file)
    assert intake.brought == [b"abc"]


async def test_who_this_is_cannot_be_asked_here(folder: Path) -> None:
    offers = {"bundle_offered", "bundle"}
    assert set(REQUESTS[Role.LAN]) == offers | {"address_offered"}
    assert set(REQUESTS[Role.FETCH]) == offers | {"address_wanted", "fetch_ended"}
    with pytest.raises(RequestRefusedError):
        await ask_async(folder, Role.LAN, IdentityRequest())


async def test_more_serials_than_a_line_holds_are_an_error_of_whoever_asks(folder: Path) -> None:
    with pytest.raises(ControlError):
        await HandsetLink(folder).wants(DIGEST, ["x" * 64] * 1000)


async def test_a_door_that_a_run_before_has_left_goes_where_nobody_stands_behind_it(folder: Path) -> None:
    """systemd starts whoever looks for bundles because that file is there."""
    other = folder / "other"
    other.mkdir()
    server = ControlServer(other, {Role.LAN: LanRole(Intake()).handlers})
    await server.start()
    left = other / "left"
    (other / "lan.sock").rename(left)
    await server.stop()
    left.rename(other / "lan.sock")
    server = ControlServer(other, {})
    await server.start()
    assert not (other / "lan.sock").exists()
    await server.stop()
