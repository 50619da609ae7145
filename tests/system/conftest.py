"""The box that all system tests share: booted once, installed once, with servers on the far side of a cable."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.installed_box import BROKER, REGISTRAR, RESOLVER, InstalledBox

CONFIGURATION = f"""
version = 1

[device]
id = "handset-1"
country = "DE"

[[accounts]]
username = "1001"
domain = "{REGISTRAR}"
password = "a password that nobody logs"
transport = "udp"

[sync]
host = "{BROKER}"
port = 8883
"""

INSTALLING_MAY_TAKE_S = 600
"""Half a minute on an idle computer; as long as may be on one that never rests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(INSTALLING_MAY_TAKE_S))


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledBox]:
    box = InstalledBox(tmp_path_factory.mktemp("box"))
    box.start()
    try:
        box.add_outside()
        box.shell(f"echo nameserver {RESOLVER} >/etc/resolv.conf")
        box.install("--no-start")
        box.configure(CONFIGURATION)
        services = ("wecall-firewall.service", "wecall-handset.service", "wecall-sync.service")
        box.run("systemctl", "start", "wecall-apply.socket", *services)
        yield box
    finally:
        box.stop()
