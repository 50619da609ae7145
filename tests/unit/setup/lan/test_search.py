"""Which bundle of which server is handed over, and that nothing keeps the search from going on."""

import asyncio
import hashlib
import socket
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import BinaryIO

import pytest

from firmware.base.errors import ControlError, RequestRefusedError
from firmware.control.open_files import content_of
from firmware.setup.lan.search import Search
from firmware.setup.lan.servers import Server
from provisioning.lan import REQUEST
from tests.lab.bundles import SERIAL, Installer
from tests.lab.chance import counted, dice
from tests.lab.lan_server import OK, LanServer, answer, listed, saying

pytestmark = pytest.mark.feature("set-up by the local network")

INSTALLER = Installer()
OWN = INSTALLER.bundle(number=3, serials=(SERIAL,))
OTHERS = INSTALLER.bundle(number=9, serials=("00000000deadbeef",))


class Handset:
    """Wants what is for it, unless it knows it.

    Attributes:
        known: SHA-256 of what it does not want.
        brought: what it was given.
        is_there: whether it answers.
        has_room: whether it takes a bundle now.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.brought: list[bytes] = []
        self.is_there = True
        self.has_room = True

    async def wants(self, digest: str, serials: Collection[str]) -> bool:
        if not self.is_there:
            raise ControlError("Nobody is there.")
        return digest not in self.known and (not serials or SERIAL in serials)

    async def bring(self, bundle: BinaryIO) -> None:
        if not self.has_room:
            raise RequestRefusedError("There is no room.")
        self.brought.append(content_of(bundle, 10_000))


def search_of(handset: Handset, *servers: LanServer, server_s: float = 5.0) -> Search:
    async def find() -> Sequence[Server]:
        return [each.server for each in servers]

    return Search(handset, find=find, server_s=server_s)


@pytest.fixture
def handset() -> Handset:
    return Handset()


async def test_of_all_bundles_of_a_site_the_own_one_is_handed_over(handset: Handset) -> None:
    with LanServer(saying(answer(OTHERS, OWN, OTHERS))) as server:
        assert await search_of(handset, server).look()
    assert handset.brought == [OWN]


async def test_of_several_own_ones_it_is_the_one_with_the_highest_number(handset: Handset) -> None:
    newer, for_all = INSTALLER.bundle(number=7, serials=(SERIAL,)), INSTALLER.bundle(number=5)
    with LanServer(saying(answer(OWN, newer, for_all))) as server:
        assert await search_of(handset, server).look()
    assert handset.brought == [newer]


async def test_what_was_refused_is_not_brought_again_until_it_changes(handset: Handset) -> None:
    handset.known.add(hashlib.sha256(OWN).hexdigest())
    with LanServer(saying(answer(OWN))) as server:
        assert not await search_of(handset, server).look()
        changed = INSTALLER.bundle(number=4, serials=(SERIAL,))
        server.behaviour = saying(answer(OWN, changed))
        assert await search_of(handset, server).look()
    assert handset.brought == [changed]


async def test_the_next_server_is_asked_where_one_has_nothing(handset: Handset) -> None:
    wrong, empty = LanServer(saying(b"no HTTP\r\n\r\n")), LanServer(saying(answer(OTHERS)))
    with wrong, empty, LanServer(saying(answer(OWN))) as good:
        assert await search_of(handset, wrong, empty, good).look()
    assert handset.brought == [OWN]


async def test_a_server_that_stalls_costs_its_time_and_no_more(handset: Handset) -> None:
    def stall(connection: socket.socket) -> None:
        connection.sendall((OK % 10_000) + listed(OWN))
        connection.recv(1)

    with LanServer(stall) as slow:
        # What has come whole is good.
        assert await search_of(handset, slow, server_s=1).look()
    assert handset.brought == [OWN]


async def test_a_handset_that_is_away_or_full_is_not_the_end(handset: Handset) -> None:
    with LanServer(saying(answer(OWN))) as server:
        search = search_of(handset, server)
        handset.is_there = False
        assert not await search.look()
        handset.is_there, handset.has_room = True, False
        assert not await search.look()
        handset.has_room = True
        assert await search.look()


def torn(chance: Callable[[int], int], bundle: bytes) -> bytes:
    return bundle[: chance(len(bundle))]


@pytest.mark.soak
async def test_a_hostile_server_brings_nothing_and_hears_nothing_but_the_request(handset: Handset) -> None:
    """What is not signed by anybody, not whole, or not for this handset is dropped here, whatever is said around it."""
    chance = dice()

    def forged() -> bytes:
        at = chance.randrange(40, len(OWN))
        return OWN[:at] + bytes([OWN[at] ^ (1 << chance.randrange(8))]) + OWN[at + 1 :]

    bundles: list[Callable[[], bytes]] = [
        lambda: OTHERS,
        forged,
        lambda: torn(chance.randrange, OWN) or b"x",
        lambda: chance.randbytes(1 + chance.randrange(2000)),
        lambda: OWN + b"x",
    ]

    def hostile(connection: socket.socket) -> None:
        body = listed(*(chance.choice(bundles)() for _ in range(1 + chance.randrange(5))))
        said = len(body) + chance.choice([-9, -1, 0, 0, 1, 1000])
        connection.sendall((OK % max(0, said)) + body[: len(body) - chance.choice([0, 0, 3])])

    with LanServer(hostile) as server:
        search = search_of(handset, server)
        for _ in range(counted(1000, 100)):
            assert not await search.look()
    assert not handset.brought
    assert set(server.received) == {REQUEST}


async def test_the_search_goes_on_until_it_is_ended(handset: Handset, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def find() -> Sequence[Server]:
        nonlocal looks
        looks += 1
        return []

    async def sleep(_s: float) -> None:
        await real(0)

    real = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", sleep)
    running = asyncio.create_task(Search(handset, find=find).run())
    while looks < 100:
        await real(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
