"""What the end-to-end tests of the phone and of its SIP stack share; a module may set any of it up in its own way."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from firmware.phone.call import RegistrationState
from tests.lab import kills
from tests.lab.browser import Browser
from tests.lab.handset import WecallProcess
from tests.lab.kamailio import Kamailio
from tests.lab.office import Office
from tests.lab.person import Person
from tests.lab.scripted_peer import ScriptedPeer
from tests.lab.sip_line import SipLine
from tests.lab.stage import Stage
from tests.lab.three_agents import USERS, settings_of
from tests.tiers import mark_folder

# Hundreds of handsets are started here. Under systemd, and where their start is measured, they load everything.
WecallProcess.forks = True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A browser for a module whose tests share a loop; each visitor has a profile of their own in it."""
    browser = Browser()
    await browser.start()
    yield browser
    await browser.stop()


@pytest_asyncio.fixture
async def person(stage: Stage) -> AsyncIterator[Person]:
    """Somebody at the stage's registered handset, who leaves it at rest and has seen what it missed."""
    async with Person(stage.handset) as person:
        await person.wait_for_line()
        yield person
        stage.peer.hang_up()
        await person.rest()


@pytest_asyncio.fixture
async def clerk(office: Office) -> AsyncIterator[Person]:
    """Somebody at the office's registered handset, who leaves it and the colleagues at rest, with nothing unseen."""
    async with Person(office.stage.handset) as clerk:
        await clerk.wait_for_line()
        yield clerk
        office.rest()
        await clerk.rest()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, for what is killed often."""
    with kills.folder_in_memory() as folder:
        yield folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    """Return a registrar that knows the users of tests.lab.three_agents."""
    with Kamailio(tmp_path_factory.mktemp("kamailio"), USERS) as kamailio:
        yield kamailio


@pytest.fixture(scope="module")
def registered(server: Kamailio) -> Iterator[SipLine]:
    """Return a SIP stack that is registered as alice, for a whole module."""
    with SipLine(settings_of("alice", server, max_calls=40)) as line:
        line.wait_for_registration(RegistrationState.REGISTERED)
        yield line


@pytest.fixture
def line(registered: SipLine) -> Iterator[SipLine]:
    """Return the registered SIP stack, at rest before and after."""
    yield registered
    registered.end_calls(registered.stack.order)
    registered.forget()


@pytest.fixture
def peer(server: Kamailio) -> Iterator[ScriptedPeer]:
    """Return whom `peer` at the registrar is: what it says is for the test to script."""
    with ScriptedPeer(server.udp_port) as peer:
        server.route("peer", peer.uri)
        yield peer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_folder(Path(__file__).parent, items, "real")
