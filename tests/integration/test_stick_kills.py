"""A stick that is pulled out at any step of writing to it: what it holds is whole, and nothing is lost."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.results import BundleCode
from firmware.control.stick_answers import BundleFollowed, UpdateTaken
from firmware.setup.stick.folder import StickFolder
from firmware.setup.stick.patience import Patience
from firmware.setup.stick.visit import Visit
from firmware.setup.stick.writing import Outgoing
from provisioning.identity import Identity
from provisioning.report import HardwareTest
from tests.lab import kills

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]

OLD, NEW = {"report-1.json": b"old", "report-1.txt": b"old"}, {"report-1.json": b"new" * 999, "report-1.txt": b"new"}
COPY = {"wecall-20260100-030405.tar.age": bytes(range(250)) * 500, "wecall-20260100-030405.key.age": b"key"}


class Handset:
    """The part of a handset that has a copy to give away; of bundles nothing is asked here."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.name: path for path in folder.iterdir() if path.name in COPY}

    async def ordered(self) -> Sequence[str]:
        return list(self._files)

    def fetch(self, name: str) -> Iterator[bytes]:
        content = self._files[name].read_bytes()
        yield from (content[at : at + 45_000] for at in range(0, len(content), 45_000))

    async def fetched(self, names: Sequence[str]) -> None:
        for name in names:
            self._files[name].unlink()

    async def stick_done(self, code: BundleCode) -> None: ...
    async def identity(self) -> Identity: ...  # type: ignore[empty-body]
    async def hardware(self) -> HardwareTest | None: ...
    async def begin(self, size_bytes: int) -> None: ...
    async def bring_update(self, update: BinaryIO, proof: bytes, keys: bytes) -> UpdateTaken: ...  # type: ignore[empty-body]
    async def bring_copy(self, copy: BinaryIO, key: bytes) -> bool: ...  # type: ignore[empty-body]
    async def bring(self, bundle: BinaryIO) -> str: ...  # type: ignore[empty-body]
    async def follow(self, offer: str, after: int, wait_s: float) -> BundleFollowed: ...  # type: ignore[empty-body]


def prepare(folder: Path) -> None:
    """Have an old report on the stick, a new one that is to be written, and a copy that waits on the handset."""
    for name, files in {"stick": OLD, "outgoing": NEW, "handset": COPY}.items():
        (folder / name).mkdir(parents=True)
        for file, content in files.items():
            (folder / name / file).write_bytes(content)


def write(folder: Path) -> None:
    """Write to the stick."""
    stick, outgoing = StickFolder(folder / "stick"), Outgoing(folder / "outgoing")
    outgoing.write_to(stick)
    asyncio.run(Visit(stick, Handset(folder / "handset"), outgoing, Patience()).fetch_ordered())


def check(folder: Path) -> None:
    """Everything that has a name on the stick is whole, and the copy is on it or still on the handset."""
    found = {path.name: path.read_bytes() for path in (folder / "stick").iterdir() if path.suffix != ".new"}
    for name, content in found.items():
        assert content in {OLD.get(name), NEW.get(name), COPY.get(name)}, name
    assert found.keys() >= OLD.keys()
    for name, content in COPY.items():
        assert found.get(name) == content or (folder / "handset" / name).read_bytes() == content


def test_a_cut_at_any_step_leaves_reports_whole_and_a_copy_on_one_side_at_least(memory: Path) -> None:
    whole = memory / "whole"
    prepare(whole)
    last = 0
    for cut in kills.cuts(whole, write):
        check(cut.folder)
        last = cut.step
        if not cut.ended:
            # The stick is plugged in once more: drafts of the first time are in nobody's way.
            write(cut.folder)
            check(cut.folder)
            assert {path.name for path in (cut.folder / "stick").iterdir()} == NEW.keys() | COPY.keys()
    assert last > 15
