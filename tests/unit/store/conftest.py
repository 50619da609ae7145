from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lab.store import StoreLab


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[StoreLab]:
    lab = StoreLab(tmp_path)
    await lab.start()
    yield lab
    await lab.stop()
