"""The box that all system tests share: booted once, installed once, with servers on the far side of a cable."""

from collections.abc import Iterator
from dataclasses import dataclass
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


PROCESSES = ("wecall-handset.service", "wecall-voice.service", "wecall-sync.service")
ENABLED = (
    *PROCESSES,
    "wecall-voice-replace.path",
    "wecall-lan.path",
    "wecall-firewall.service",
    "wecall-firewall.timer",
)


@dataclass(frozen=True)
class FirstInstall:
    """What install.sh said in the box, and what was found there before anything else was done.

    Attributes:
        said: its output.
        enabled, active: as systemctl says of those that are to be enabled, and of the three processes.
        modes: of the configuration and of the store's key.
    """

    said: str
    enabled: str
    active: str
    modes: str


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[InstalledBox, FirstInstall]]:
    box = InstalledBox(tmp_path_factory.mktemp("box"))
    box.start()
    try:
        box.add_outside()
        box.shell(f"echo nameserver {RESOLVER} >/etc/resolv.conf")
        first = FirstInstall(
            said=box.install(),
            enabled=box.run("systemctl", "is-enabled", *ENABLED).stdout,
            active=box.run("systemctl", "is-active", *PROCESSES).stdout,
            modes=box.shell("stat -c '%a %U:%G' /etc/wecall/config.toml /etc/wecall/credentials/store-key"),
        )
        box.configure(CONFIGURATION)
        box.run("systemctl", "restart", "wecall-firewall.service", *PROCESSES)
        yield box, first
    finally:
        box.stop()


@pytest.fixture(scope="session")
def box(installation: tuple[InstalledBox, FirstInstall]) -> InstalledBox:
    return installation[0]


@pytest.fixture(scope="session")
def first_install(installation: tuple[InstalledBox, FirstInstall]) -> FirstInstall:
    return installation[1]
