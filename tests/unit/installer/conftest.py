"""The desk of whoever sets handsets up."""

from pathlib import Path

import pytest

from tests.lab.installer_desk import InstallerDesk


@pytest.fixture
def desk(tmp_path: Path) -> InstallerDesk:
    return InstallerDesk(tmp_path)
