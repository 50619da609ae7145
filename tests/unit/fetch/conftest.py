"""A real server of updates with certificates of its own, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.certificates import CertificateAuthority
from tests.lab.update_server import UpdateServer


@pytest.fixture
def update_server(tmp_path: Path) -> Iterator[UpdateServer]:
    content = bytes(number * 7 % 251 for number in range(300_000))
    server = UpdateServer(CertificateAuthority(tmp_path / "authority"), content)
    server.start()
    yield server
    server.stop()
