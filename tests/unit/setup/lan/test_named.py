"""What is fetched from an address that somebody has confirmed, and why nothing is."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.results import OutcomeCode
from firmware.base.errors import RequestRefusedError
from firmware.control.open_files import content_of
from firmware.setup.lan import named
from firmware.setup.lan.named import fetch_confirmed, offer_addresses
from provisioning.lan import MOST_BUNDLE_BYTES, MOST_BYTES, request_for
from tests.lab.bundles import SERIAL, Installer
from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.lan_server import OK, Behaviour, LanServer, answer, saying

pytestmark = pytest.mark.feature("set-up by an address of the network")

INSTALLER = Installer()
OWN = INSTALLER.bundle(number=3, serials=(SERIAL,))
NEWER = INSTALLER.bundle(number=4, serials=(SERIAL,))
OTHERS = INSTALLER.bundle(number=9, serials=("00000000deadbeef",))


class Handset:
    """Has one address confirmed, and hears what became of it.

    Attributes:
        ended: that: a bundle, or why there is none.
        has_room: whether it takes a bundle.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self.ended: asyncio.Queue[bytes | OutcomeCode] = asyncio.Queue()
        self.has_room = True

    async def confirmed_address(self) -> str:
        address, self._address = self._address, ""
        await asyncio.sleep(0)
        return address

    async def wants(self, _digest: str, serials: Collection[str]) -> bool:
        return not serials or SERIAL in serials

    async def bring(self, bundle: BinaryIO) -> None:
        if not self.has_room:
            raise RequestRefusedError("There is no room.")
        self.ended.put_nowait(content_of(bundle, MOST_BUNDLE_BYTES))

    async def fetch_ended(self, code: OutcomeCode) -> None:
        self.ended.put_nowait(code)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CertificateAuthority:
    """Return one that this system trusts; nobody waits between two tries."""
    authority = CertificateAuthority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_path))
    monkeypatch.setattr(named, "_PAUSE_S", 0.0)
    return authority


def https(authority: CertificateAuthority, behaviour: Behaviour, *, expired: bool = False) -> LanServer:
    return LanServer(behaviour, certificate=authority.issue("pbx", hosts=LOOPBACK, expired=expired))


async def fetched(handset: Handset) -> bytes | OutcomeCode:
    fetching = asyncio.create_task(fetch_confirmed(handset))
    try:
        async with asyncio.timeout(30):
            return await handset.ended.get()
    finally:
        fetching.cancel()


def at(server: LanServer, path: str = "/phones/bundles") -> str:
    return f"https://localhost:{server.server[1][1]}{path}"


async def test_the_newest_for_this_handset_is_handed_over_of_a_list_or_alone(authority: CertificateAuthority) -> None:
    with https(authority, saying(answer(OWN, OTHERS, NEWER, b"none"))) as server:
        assert await fetched(Handset(at(server))) == NEWER
        server.behaviour = saying(OK % len(OWN) + OWN)
        assert await fetched(Handset(at(server))) == OWN
        assert server.received == [request_for(f"localhost:{server.server[1][1]}", "/phones/bundles")] * 2


REFUSED = {
    "for others": (saying(answer(OTHERS)), OutcomeCode.WRONG_SERIAL, 1),
    "a redirect": (saying(b"HTTP/1.1 301 Moved\r\nLocation: /b\r\n\r\n"), OutcomeCode.SERVER_WRONG, 1),
    "a page": (saying(OK % 24 + b"<!doctype html><p>Hello!"), OutcomeCode.SERVER_WRONG, 1),
    "too much": (saying(OK % (MOST_BYTES + 1)), OutcomeCode.TOO_LARGE, 1),
    "a large one": (saying(OK % (MOST_BUNDLE_BYTES + 1) + OWN), OutcomeCode.TOO_LARGE, 1),
    "cut short": (saying(answer(OWN)[:-9]), OutcomeCode.UNREACHABLE, 3),
}


async def test_whatever_else_is_there_is_refused_and_only_what_passes_is_tried_again(
    authority: CertificateAuthority, subtests: pytest.Subtests
) -> None:
    for name, (behaviour, code, tries) in REFUSED.items():
        with subtests.test(name), https(authority, behaviour) as server:
            assert await fetched(Handset(at(server))) is code
            assert len(server.received) == tries


async def test_a_server_that_shows_no_good_certificate_hears_no_request(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    unknown = https(CertificateAuthority(tmp_path / "other"), saying(answer(OWN)))
    for server in (unknown, https(authority, saying(answer(OWN)), expired=True)):
        with server:
            assert await fetched(Handset(at(server))) is OutcomeCode.SERVER_WRONG
            assert not any(b"GET" in received for received in server.received)


async def test_a_server_that_is_away_and_a_handset_without_room_are_told_of(authority: CertificateAuthority) -> None:
    with https(authority, saying(answer(OWN))) as server:
        handset = Handset(at(server))
        handset.has_room = False
        assert await fetched(handset) is OutcomeCode.FAILED
    assert await fetched(Handset(at(server))) is OutcomeCode.UNREACHABLE


async def test_each_address_is_offered_again_and_again_and_a_handset_that_is_away_is_no_end() -> None:
    offered: asyncio.Queue[str] = asyncio.Queue()

    class Asker:
        async def offer_address(self, address: str) -> None:
            offered.put_nowait(address)
            raise RequestRefusedError("Not now.")

    async def hear() -> list[str]:
        return ["https://one.example.org/", "https://two.example.org/"]

    offering = asyncio.create_task(offer_addresses(Asker(), hear))
    assert [await offered.get() for _ in range(4)] == ["https://one.example.org/", "https://two.example.org/"] * 2
    offering.cancel()
