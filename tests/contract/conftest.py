"""The tier that these tests are of."""

from pathlib import Path

import pytest

from tests.tiers import mark_folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_folder(Path(__file__).parent, items, "quick")
