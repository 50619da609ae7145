"""Nobody but root gets past a guardian by `wecall factory-reset` while the store that knows the guardian is closed."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from firmware.app.admin.reset import Guarding, ResetAnswer, ResetRole
from firmware.base.errors import ControlError, StorageError
from firmware.base.peer import Peer, asking
from firmware.control.admin_requests import ResetRequest
from firmware.services.account.factory_reset import MARKER_NAME, STORE_NAME, Resetting, finish_reset
from firmware.services.records import Records
from firmware.store.database import Database
from firmware.store.guardian_mark import GUARDED_NAME, GuardianMark
from firmware.store.keyring import WRAP_NAME
from provisioning.parsing import parse_configuration
from tests.lab.store import ONE_ACCOUNT

PIN, GUARDIANS_PIN = "258013", "739182"
ADMINISTRATOR, ROOT = 1000, 0


@dataclass
class Phone:
    """One handset's store, whose start is that of the daemon."""

    folder: Path
    records: Records | None = None

    async def start(self) -> None:
        try:
            self.records = Records(
                self.folder,
                parse_configuration(ONE_ACCOUNT),
                lambda: None,
                lambda _problem, _sentence: None,
                lambda _state: None,
                on_documents=lambda _documents: None,
            )
        except StorageError:
            return
        await self.records.start(lambda: None)

    async def stop(self) -> None:
        if self.records is not None:
            await self.records.stop()
            self.records = None

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    @property
    def open(self) -> Records:
        assert self.records is not None
        return self.records

    @property
    def mark(self) -> Path:
        return self.folder / GUARDED_NAME

    async def reset(self, uid: int, pin: str = "") -> ResetAnswer:
        """Do what the command does for a user."""
        records = self.records
        resetting = Resetting(self.folder, records.consents if records else None, lambda: None)
        guarding = Guarding(records.pins, records.requests) if records else None
        role = ResetRole(resetting, lambda: guarding, GuardianMark(self.folder))
        token = asking.set(Peer(os.getpid(), uid, frozenset()))
        try:
            answer = await role.handlers["reset"](ResetRequest(pin=pin))
        finally:
            asking.reset(token)
        assert isinstance(answer, ResetAnswer)
        return answer

    @property
    def is_being_reset(self) -> bool:
        return (self.folder / MARKER_NAME).exists()


@pytest.fixture
async def phone(tmp_path: Path, quick_pins: None) -> AsyncIterator[Phone]:
    phone = Phone(tmp_path)
    await phone.start()
    yield phone
    await phone.stop()


async def close_by_pin(phone: Phone) -> None:
    """Pull the plug of a phone that asks for the PIN at each start."""
    await phone.open.pin.set(PIN)
    assert (await phone.open.pin.guard_store(PIN, guarded=True)).accepted
    await phone.restart()
    assert phone.open.keyring.waits_for_pin


async def damage_keys(phone: Phone) -> None:
    """Start with a file of the keys that cannot be read."""
    await phone.stop()
    (phone.folder / WRAP_NAME).write_bytes(secrets.token_bytes(100))
    await phone.start()
    assert phone.records is None
    assert (phone.folder / STORE_NAME).exists()


CLOSING = pytest.mark.parametrize("close", [close_by_pin, damage_keys])


@CLOSING
async def test_a_closed_store_lets_nobody_but_root_past_the_guardian(
    phone: Phone, close: Callable[[Phone], Awaitable[None]]
) -> None:
    await phone.open.guardian_pin.set(GUARDIANS_PIN)
    await close(phone)
    for pin in ("", PIN, GUARDIANS_PIN):
        with pytest.raises(ControlError, match="A guardian answers"):
            await phone.reset(ADMINISTRATOR, pin)
    assert not phone.is_being_reset
    assert await phone.reset(ROOT) == ResetAnswer(needs_guardian=False)
    assert phone.is_being_reset


@CLOSING
async def test_without_a_guardian_a_closed_store_is_reset_by_whoever_owns_the_machine(
    phone: Phone, close: Callable[[Phone], Awaitable[None]]
) -> None:
    await close(phone)
    assert await phone.reset(ADMINISTRATOR) == ResetAnswer(needs_guardian=False)
    assert phone.is_being_reset


async def test_once_the_pin_has_opened_the_store_the_guardian_is_asked_root_included(phone: Phone) -> None:
    await phone.open.guardian_pin.set(GUARDIANS_PIN)
    await close_by_pin(phone)
    assert (await phone.open.pin.check(PIN)).accepted
    assert await phone.reset(ROOT) == ResetAnswer(needs_guardian=True)
    assert not phone.is_being_reset
    await phone.reset(ADMINISTRATOR, GUARDIANS_PIN)
    assert phone.is_being_reset


async def test_the_mark_stands_while_a_guardian_answers_and_goes_with_a_reset(phone: Phone) -> None:
    assert not phone.mark.exists()
    await phone.open.guardian_pin.set(GUARDIANS_PIN)
    assert phone.mark.exists()
    await phone.open.guardian_pin.set("")
    assert not phone.mark.exists()
    await phone.open.guardian_pin.set(GUARDIANS_PIN)
    await phone.reset(ADMINISTRATOR, GUARDIANS_PIN)
    await phone.stop()
    assert finish_reset(phone.folder)
    assert not phone.mark.exists()


async def test_where_the_mark_cannot_be_set_the_guardians_pin_does_not_count_either(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GuardianMark, "set", _fail)
    with pytest.raises(StorageError, match="full"):
        await phone.open.guardian_pin.set(GUARDIANS_PIN)
    assert not await phone.open.guardian_pin.is_set()


async def test_the_mark_is_on_the_card_before_the_pin_and_until_the_pin_has_gone(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin, marked = phone.open.guardian_pin, list[bool]()
    store = pin._store

    async def look(work: Callable[[Database], None]) -> None:
        marked.append(phone.mark.exists())
        await store.transact(work)
        marked.append(phone.mark.exists())

    # What else the store does meanwhile is none of the PIN's.
    monkeypatch.setattr(pin, "_store", SimpleNamespace(transact=look))
    await pin.set(GUARDIANS_PIN)
    await pin.set("")
    assert marked == [True] * 4


async def test_a_store_that_opens_corrects_the_mark(phone: Phone) -> None:
    phone.mark.touch()
    await phone.restart()
    assert not phone.mark.exists(), "a power cut came before the PIN counted"
    await phone.open.guardian_pin.set(GUARDIANS_PIN)
    phone.mark.unlink()
    await phone.restart()
    assert phone.mark.exists(), "the PIN is from before there were marks"
    assert phone.mark.stat().st_mode & 0o077 == 0


def _fail(_mark: GuardianMark) -> None:
    raise StorageError("the card is full")
