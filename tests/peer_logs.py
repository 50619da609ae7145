"""What the peers of a test that fails have logged meanwhile is told with the failure: a plugin of pytest."""

import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

_LINES: Final = 40
_LOGS: Final = 12
_FOLDER: Final = pytest.StashKey[Path]()
_BEGAN_AT: Final = pytest.StashKey[float]()


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytestconfig.stash[_FOLDER] = tmp_path_factory.getbasetemp()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember when the test began."""
    item.stash[_BEGAN_AT] = time.time()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failure the end of each log that has grown in the test."""
    report = yield
    folder = item.config.stash.get(_FOLDER, None)
    if report.failed and folder is not None:
        for path in sorted(_grown(folder, item.stash.get(_BEGAN_AT, 0.0)))[:_LOGS]:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES:]
            report.sections.append((f"the end of {path.relative_to(folder)}", "\n".join(lines)))
    return report


def _grown(folder: Path, since: float) -> Iterator[Path]:
    for path in folder.rglob("*.log"):
        status = path.stat()
        if status.st_size and status.st_mtime >= since and path.is_file():
            yield path
