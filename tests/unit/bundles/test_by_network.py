import pytest

from firmware.allowance import InboundBusyError
from firmware.bundles.by_network import NetworkBundles
from firmware.bundles.progress import BundleSource
from firmware.errors import BundleError

DIGEST = "0" * 64


class Intake:
    def __init__(self) -> None:
        self.known: set[str] = set()
        self.calls: list[object] = []

    def is_known(self, digest: str) -> bool:
        return digest in self.known

    def begin(self, source: BundleSource, size_bytes: int) -> str:
        self.calls.append((source, size_bytes))
        return "offer"

    def piece(self, offer: str, data: bytes) -> None:
        self.calls.append((offer, data))

    async def end(self, offer: str) -> None:
        self.calls.append(offer)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def test_a_bundle_goes_to_the_intake_as_one_that_came_over_the_network() -> None:
    intake = Intake()
    bundles = NetworkBundles(intake, Clock())
    assert bundles.begin(3, DIGEST) == "offer"
    bundles.piece("offer", b"abc")
    await bundles.end("offer")
    assert intake.calls == [(BundleSource.NETWORK, 3), ("offer", b"abc"), "offer"]


def test_one_that_is_known_does_not_come_however_often_it_is_offered() -> None:
    intake, clock = Intake(), Clock()
    intake.known.add(DIGEST)
    bundles = NetworkBundles(intake, clock)
    assert [bundles.begin(3, DIGEST) for _ in range(50)] == [None] * 50
    assert not intake.calls
    assert bundles.begin(3, "1" * 64) == "offer"


def test_three_come_at_once_and_then_one_a_minute() -> None:
    intake, clock = Intake(), Clock()
    bundles = NetworkBundles(intake, clock)
    for _ in range(3):
        bundles.begin(3, DIGEST)
    for after_s in (0, 59):
        clock.now_s = after_s
        with pytest.raises(InboundBusyError):
            bundles.begin(3, DIGEST)
    clock.now_s = 61
    bundles.begin(3, DIGEST)
    assert len(intake.calls) == 4


async def test_a_handset_that_takes_none_says_so() -> None:
    bundles = NetworkBundles(None, Clock())
    with pytest.raises(BundleError, match="takes no bundles"):
        bundles.begin(3, DIGEST)
    with pytest.raises(BundleError, match="takes no bundles"):
        bundles.piece("offer", b"")
    with pytest.raises(BundleError, match="takes no bundles"):
        await bundles.end("offer")
