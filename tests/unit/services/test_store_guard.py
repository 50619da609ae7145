from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.phone.answers import PinChecked
from firmware.phone.errands import CheckPin
from firmware.phone.key_answers import StoreGuarded
from firmware.phone.key_errands import GuardStore
from firmware.phone.pin import Guard
from firmware.services.pin import PinErrands
from tests.lab.guarded_store import PIN, GuardedStore


@pytest.fixture
async def lab(tmp_path: Path, quick_pins: None) -> AsyncIterator[GuardedStore]:
    lab = GuardedStore(tmp_path)
    await lab.start()
    yield lab
    await lab.stop()


async def test_the_pin_is_made_to_open_the_store_and_no_more(lab: GuardedStore) -> None:
    await lab.pin.set(PIN)
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents).handlers
    assert await handlers[GuardStore](GuardStore(PIN, guarded=True)) == StoreGuarded(frozenset({Guard.PIN}))
    assert await handlers[GuardStore](GuardStore(PIN, guarded=True)) == StoreGuarded(frozenset({Guard.PIN}))
    assert await handlers[GuardStore](GuardStore(PIN, guarded=False)) == StoreGuarded(frozenset())


async def test_another_pin_changes_nothing_and_is_counted(lab: GuardedStore) -> None:
    await lab.pin.set(PIN)
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents).handlers
    for wait_s in (0, 0, 10):
        assert await handlers[GuardStore](GuardStore("000000", guarded=True)) == PinChecked(False, wait_s)
    assert not lab.pin.opens_store


async def test_the_pin_that_unlocks_the_screen_opens_the_store_after_a_start(lab: GuardedStore) -> None:
    await lab.guard_by_pin()
    await lab.restart()
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents).handlers
    assert await handlers[CheckPin](CheckPin(PIN)) == PinChecked(accepted=True)
    assert lab.store.key is not None
    assert PIN not in repr(GuardStore(PIN, guarded=True))
