"""Fixtures that more than one folder of unit tests shares."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.store import keyring as keyring_module
from firmware.store import pin as pin_module
from tests.lab.store import StoreLab
from tests.tiers import mark_folder


@pytest.fixture
def lab_class() -> type[StoreLab]:
    """Return which store a module's tests have: another one where it overrides this."""
    return StoreLab


@pytest.fixture
async def lab(lab_class: type[StoreLab], tmp_path: Path) -> AsyncIterator[StoreLab]:
    lab = lab_class(tmp_path)
    await lab.start()
    yield lab
    await lab.stop()


@pytest.fixture
def quick_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a PIN cost next to nothing to hash: each guess is meant to take a phone long."""
    monkeypatch.setattr(pin_module, "_MEMORY_KIB", 64)
    monkeypatch.setattr(pin_module, "_PASSES", 1)
    monkeypatch.setattr(keyring_module, "pin_memory_kib", lambda _total_kib: 64)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_folder(Path(__file__).parent, items, "quick")
