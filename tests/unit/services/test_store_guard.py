import pytest

from firmware.phone.pin import Guard
from firmware.phone.requests.pin import CheckPin, GuardStore, PinChecked, StoreGuarded
from firmware.services.pin import PinErrands
from tests.lab.guarded_store import PIN, GuardedStore

pytestmark = pytest.mark.usefixtures("quick_pins")


@pytest.fixture
def lab_class() -> type[GuardedStore]:
    return GuardedStore


async def test_the_pin_is_made_to_open_the_store_and_no_more(lab: GuardedStore) -> None:
    await lab.pin.set(PIN)
    posted: list[object] = []
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents, posted.append).handlers
    assert await handlers[GuardStore](GuardStore(PIN, guarded=True)) == PinChecked(accepted=True)
    assert posted[-1] == StoreGuarded(frozenset({Guard.PIN}))
    assert await handlers[GuardStore](GuardStore(PIN, guarded=True)) == PinChecked(accepted=True)
    assert posted[-1] == StoreGuarded(frozenset({Guard.PIN}))
    assert await handlers[GuardStore](GuardStore(PIN, guarded=False)) == PinChecked(accepted=True)
    assert posted[-1] == StoreGuarded(frozenset())


async def test_another_pin_changes_nothing_and_is_counted(lab: GuardedStore) -> None:
    await lab.pin.set(PIN)
    posted: list[object] = []
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents, posted.append).handlers
    for wait_s in (0, 0, 10):
        assert await handlers[GuardStore](GuardStore("000000", guarded=True)) == PinChecked(False, wait_s)
    assert not lab.pin.opens_store
    assert posted == []


async def test_the_pin_that_unlocks_the_screen_opens_the_store_after_a_start(lab: GuardedStore) -> None:
    await lab.guard_by_pin()
    await lab.restart()
    posted: list[object] = []
    handlers = PinErrands(lab.pin, lab.guardian_pin, lab.consents, posted.append).handlers
    assert await handlers[CheckPin](CheckPin(PIN)) == PinChecked(accepted=True)
    assert lab.store.key is not None
    assert PIN not in repr(GuardStore(PIN, guarded=True))
