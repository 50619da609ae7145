"""What `wecall export` gets of the contacts."""

import errno
from pathlib import Path
from typing import Any

import pytest

from firmware.app.admin.contacts import ContactRole
from firmware.base.errors import ControlError, StorageError
from firmware.control.admin_requests import ContactCardsRequest
from firmware.services.exports import Exports
from firmware.services.import_gate import ImportGate
from tests.lab.store import StoreLab


@pytest.fixture
async def lab(lab: StoreLab) -> StoreLab:
    await lab.add_contact("Ann", ["1001"])
    return lab


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path)


async def ask(lab: StoreLab, exports: Exports) -> Any:
    async def changed() -> None: ...

    role = ContactRole(lambda: lab.contacts, lambda: lab.pictures, ImportGate(lambda: lab.consents), changed, exports)
    return await role.handlers["contact_cards"](ContactCardsRequest(version="3.0"))


async def test_what_was_erased_while_cards_were_written_is_not_handed_out(
    lab: StoreLab, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = lab.contacts.cards_after

    async def read_and_erase(*what: Any) -> Any:
        cards = await read(*what)
        exports.drop()
        return cards

    monkeypatch.setattr(lab.contacts, "cards_after", read_and_erase)
    with pytest.raises(StorageError, match="Something was erased"):
        await ask(lab, exports)


async def test_what_was_erased_while_cards_are_fetched_is_not_handed_out(lab: StoreLab, exports: Exports) -> None:
    answer = await ask(lab, exports)
    exports.drop()
    with pytest.raises(StorageError, match="Something was erased"):
        await anext(answer.pieces)


async def test_a_card_that_is_full_is_told(lab: StoreLab, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(exports, "begin", begin)
    with pytest.raises(ControlError, match="cannot be written: No space left"):
        await ask(lab, exports)
