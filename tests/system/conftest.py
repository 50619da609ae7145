"""The box that all system tests share: booted once, installed once, with servers on the far side of a cable."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.lab.installed_box import BROKER, CHECKOUT, REGISTRAR, RESOLVER, InstalledBox, made_of
from tests.tiers import mark_folder

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
    mark_folder(Path(__file__).parent, items, "real")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(INSTALLING_MAY_TAKE_S))


PROCESSES = ("wecall-handset.service", "wecall-voice.service", "wecall-sync.service")
ENABLED = (
    *PROCESSES,
    "wecall-voice-replace.path",
    "wecall-lan.path",
    "wecall-fetch.path",
    "wecall-firewall.service",
    "wecall-firewall.timer",
    "wecall-media.socket",
    "wecall-media.service",
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
    """Install the handset in a box; the next run finds what that made, unless something of it has changed since."""
    kept = CHECKOUT / "build" / "installed" / made_of()
    archive, told = kept / "disk.tar", kept / "told.json"
    box = InstalledBox(tmp_path_factory.mktemp("box"), kept=archive if told.exists() else None)
    box.start()
    try:
        box.add_outside()
        box.shell(f"echo nameserver {RESOLVER} >/etc/resolv.conf")
        if told.exists():
            first = FirstInstall(**json.loads(told.read_text()))
        else:
            first = FirstInstall(
                said=box.install(),
                enabled=box.run("systemctl", "is-enabled", *ENABLED).stdout,
                active=box.run("systemctl", "is-active", *PROCESSES).stdout,
                modes=box.shell("stat -c '%a %U:%G' /etc/wecall/config.toml /etc/wecall/credentials/store-key"),
            )
            box.run("systemctl", "stop", "wecall-*")
            shutil.rmtree(kept.parent, ignore_errors=True)
            kept.mkdir(parents=True)
            box.keep_installed(archive)
            told.write_text(json.dumps(asdict(first)))
        box.configure(CONFIGURATION)
        box.start_installed()
        yield box, first
    finally:
        box.stop()


@pytest.fixture(scope="session")
def box(installation: tuple[InstalledBox, FirstInstall]) -> InstalledBox:
    return installation[0]


@pytest.fixture(scope="session")
def first_install(installation: tuple[InstalledBox, FirstInstall]) -> FirstInstall:
    return installation[1]
