"""What a handset that nobody has set up takes from its local network, and how often."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from contract.results import BundleResult, OutcomeCode
from firmware.base.errors import BundleError
from firmware.configuration.standing import BundleSource
from firmware.control.open_files import content_of, sealed
from firmware.phone.bundle_news import (
    AnswerBundleAddress,
    AnswerBundleSigner,
    BundleAddressShown,
    BundleEnded,
    BundleSignerShown,
    BundleStep,
    BundleStepStarted,
)
from firmware.services.operator.inbound import InboundBusyError
from firmware.setup.bundles.by_lan import LanBundles
from provisioning.bundle import key_words
from provisioning.lan import MOST_BUNDLE_BYTES
from tests.lab.bundle_desk import DeskLab, configuration_text
from tests.lab.bundles import HEADER_BYTES, SERIAL, Installer
from tests.lab.chance import counted, dice

pytestmark = pytest.mark.feature("set-up by the local network")

DIGEST = "0" * 64
ADDRESS = "https://pbx.example.org:8443/phones/bundles"
INSTALLER = Installer()
STRANGER = Installer(bytes(range(1, 33)))


class Intake:
    def __init__(self) -> None:
        self.is_free = True
        self.known: set[str] = set()
        self.calls: list[object] = []

    def is_known(self, digest: str) -> bool:
        return digest in self.known

    async def bring(self, source: BundleSource, file: BinaryIO) -> str:
        self.calls.append((source, content_of(file, 99)))
        return "offer"

    def ask_about(self, address: str, accepted: Callable[[], None]) -> None:
        raise NotImplementedError

    def refuse_address(self, code: OutcomeCode) -> None:
        raise NotImplementedError


@pytest.fixture
def intake() -> Intake:
    return Intake()


def test_what_is_for_this_handset_or_for_all_is_wanted_while_nothing_is_under_way(intake: Intake) -> None:
    bundles = LanBundles(intake, SERIAL, lambda: 0)
    assert bundles.wants(DIGEST, (SERIAL, "another-one"))
    assert bundles.wants(DIGEST, ())
    assert not bundles.wants(DIGEST, ("another-one",))
    intake.is_free = False
    assert not bundles.wants(DIGEST, (SERIAL,))


def test_what_is_known_is_not_wanted_however_often_it_is_offered(intake: Intake) -> None:
    bundles = LanBundles(intake, SERIAL, lambda: 0)
    intake.known.add(DIGEST)
    assert not bundles.wants(DIGEST, (SERIAL,))
    assert bundles.wants("1" * 64, (SERIAL,))


async def test_three_come_at_once_and_then_one_a_minute(intake: Intake) -> None:
    now_s = 0.0
    bundles = LanBundles(intake, SERIAL, lambda: now_s)
    for _ in range(3):
        await bundles.bring(sealed(b"abc"))
    now_s = 59
    with pytest.raises(InboundBusyError):
        await bundles.bring(sealed(b"abc"))
    now_s = 61
    await bundles.bring(sealed(b"abc"))
    assert intake.calls == [(BundleSource.LAN, b"abc")] * 4


# --- at a handset ---


@pytest.fixture
async def new(tmp_path: Path) -> DeskLab:
    """Return a handset that has never been set up."""
    return DeskLab(tmp_path)


def bundle(installer: Installer = INSTALLER, number: int = 7) -> bytes:
    return installer.bundle({"config.toml": configuration_text(installer).encode()}, number)


async def test_the_signers_words_are_shown_as_for_a_stick_and_nothing_is_said_of_one(new: DeskLab) -> None:
    new.answers = [AnswerBundleSigner(accepted=True)]
    trial = await new.staged(bundle(), BundleSource.LAN)
    assert (trial.number, trial.source) == (7, BundleSource.LAN)
    steps = [BundleStep.CHECKING, BundleStep.ASKING, BundleStep.CHECKING]
    started = [BundleStepStarted(step, by_stick=False, by_lan=True) for step in steps]
    assert new.news == [*started[:2], BundleSignerShown(key_words(INSTALLER.public)), started[2]]


async def test_what_nobody_accepted_is_not_wanted_again_and_another_one_is(new: DeskLab) -> None:
    refused, bundles = bundle(), LanBundles(new.intake, SERIAL, lambda: 0)
    assert bundles.wants(hashlib.sha256(refused).hexdigest(), (SERIAL,))
    new.answers = [AnswerBundleSigner(accepted=False)]
    report = await new.refused(refused, BundleSource.LAN)
    assert report.code is OutcomeCode.NOT_ACCEPTED
    ended = BundleEnded(BundleResult.REFUSED, OutcomeCode.NOT_ACCEPTED, 7, by_stick=False, by_lan=True)
    assert new.news[-1] == ended
    assert not bundles.wants(hashlib.sha256(refused).hexdigest(), (SERIAL,))
    assert bundles.wants(hashlib.sha256(bundle(number=8)).hexdigest(), (SERIAL,))


async def test_a_stick_takes_the_place_of_a_question_about_what_the_network_brought(new: DeskLab) -> None:
    offer = await new.offer(bundle(STRANGER), BundleSource.LAN)
    await new.hears(BundleSignerShown(key_words(STRANGER.public)))
    new.answers = [AnswerBundleSigner(accepted=True)]
    trial = await new.staged(bundle())
    assert trial.source is BundleSource.STICK
    assert trial.offer != offer


async def confirmed(new: DeskLab, bundles: LanBundles, address: str) -> str:
    new.answers = [AnswerBundleAddress(accepted=True)]
    bundles.offer_address(address)
    return await bundles.confirmed_address()


async def test_an_address_is_handed_out_once_and_only_after_a_yes(new: DeskLab) -> None:
    bundles = LanBundles(new.intake, SERIAL, lambda: 0)
    assert await confirmed(new, bundles, ADDRESS) == ADDRESS
    assert new.news == [BundleAddressShown(ADDRESS)]
    bundles.fetch_ended(OutcomeCode.UNREACHABLE)
    assert new.news[1:] == [BundleEnded(BundleResult.REFUSED, OutcomeCode.UNREACHABLE, by_stick=False, by_lan=True)]
    # Nobody is asked again, and nothing more is said of it.
    bundles.offer_address(ADDRESS)
    bundles.fetch_ended(OutcomeCode.TOO_LARGE)
    assert len(new.news) == 2
    assert new.intake.is_free


async def test_a_network_that_names_ever_other_addresses_has_nobody_asked_about_a_fourth(new: DeskLab) -> None:
    bundles, asked = LanBundles(new.intake, SERIAL, lambda: 0), list[str]()
    for number in range(5):
        new.answers = [AnswerBundleAddress(accepted=False)]
        new.news.clear()
        bundles.offer_address(f"{ADDRESS}/{number}")
        if number < 3:
            await new.hears(BundleEnded(BundleResult.REFUSED, OutcomeCode.NOT_ACCEPTED, by_stick=False, by_lan=True))
        asked.extend(news.address for news in new.news if isinstance(news, BundleAddressShown))
    assert asked == [f"{ADDRESS}/{number}" for number in range(3)]


async def test_no_address_without_https_or_with_more_than_a_path_is_asked_about(new: DeskLab) -> None:
    for address in (
        "http://pbx.example.org/", "https://me@pbx.example.org/", "https://pbx.example.org/?mac=1",
        "https://pbx.example.org/#a", "https://pbx.example.org", "https://pbx.example.org:0/", "https:///bundles",
    ):  # fmt: skip
        new.news.clear()
        LanBundles(new.intake, SERIAL, lambda: 0).offer_address(address)
        assert new.news == [BundleEnded(BundleResult.REFUSED, OutcomeCode.SERVER_WRONG, by_stick=False, by_lan=True)]


async def test_what_is_fetched_ends_the_wait_and_a_stick_takes_the_place_of_a_question_about_an_address(
    new: DeskLab,
) -> None:
    bundles = LanBundles(new.intake, SERIAL, lambda: 0)
    await confirmed(new, bundles, ADDRESS)
    new.answers = [AnswerBundleSigner(accepted=False)]
    with sealed(bundle(STRANGER)) as file:
        await bundles.bring(file)
    bundles.fetch_ended(OutcomeCode.UNREACHABLE)
    assert not any(isinstance(news, BundleEnded) and news.code is OutcomeCode.UNREACHABLE for news in new.news)
    await new.hears(BundleEnded(BundleResult.REFUSED, OutcomeCode.NOT_ACCEPTED, 7, by_stick=False, by_lan=True))
    new.answers = []
    bundles.offer_address(f"{ADDRESS}/other")
    await new.hears(BundleAddressShown(f"{ADDRESS}/other"))
    new.answers = [AnswerBundleSigner(accepted=True)]
    assert (await new.staged(bundle())).source is BundleSource.STICK


async def test_one_that_is_larger_than_they_are_over_a_network_does_not_come_in(new: DeskLab, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MOST_BUNDLE_BYTES + 1)
    with path.open("rb") as large, pytest.raises(BundleError, match="bytes at most"):
        await new.intake.bring(BundleSource.LAN, large)


@pytest.mark.parametrize("source", [BundleSource.LAN, BundleSource.STICK])
async def test_where_the_card_has_the_sites_key_nobody_is_asked(tmp_path: Path, source: BundleSource) -> None:
    new = DeskLab(tmp_path, site_keys=(INSTALLER.trusted,))
    await new.staged(bundle(), source)
    assert not any(isinstance(news, BundleSignerShown) for news in new.news)


async def test_where_the_card_has_the_sites_key_no_other_one_even_asks(tmp_path: Path) -> None:
    new = DeskLab(tmp_path, site_keys=(INSTALLER.trusted,))
    report = await new.refused(bundle(STRANGER), BundleSource.LAN)
    assert report.code is OutcomeCode.UNKNOWN_KEY
    assert not any(isinstance(news, BundleSignerShown) for news in new.news)


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.soak
async def test_whatever_strangers_bring_changes_nothing_and_asks_nobody_where_the_card_has_the_sites_key(
    tmp_path: Path,
) -> None:
    new, chance = DeskLab(tmp_path, site_keys=(INSTALLER.trusted,)), dice()
    own, before = bundle(), files_in(tmp_path)
    at_s = 0.0
    bundles = LanBundles(new.intake, SERIAL, lambda: at_s)
    for number in range(1, counted(1000, 100) + 1):
        at_s += 60
        at = chance.randrange(len(own))
        hostile = chance.choice(
            [
                bundle(STRANGER, number),
                own[:at],
                own[:at] + bytes([own[at] ^ (1 << chance.randrange(8))]) + own[at + 1 :],
                STRANGER.sign(own[HEADER_BYTES:]),
                own[:40] + STRANGER.bundle()[40:],
                INSTALLER.bundle({"config.toml": configuration_text(INSTALLER).encode()}, fleet="other"),
                INSTALLER.bundle({"config.toml": b"x = 1"}),
                chance.randbytes(chance.randrange(1, 3000)),
            ]
        )
        with sealed(hostile) as file:
            await bundles.bring(file)
        assert (await new.report(new.steps._offer)).result is BundleResult.REFUSED
    assert files_in(tmp_path) == before
    assert new.starts == 0
    assert not any(isinstance(news, BundleSignerShown) for news in new.news)


async def test_the_sites_key_locks_nobody_out_by_a_bundle_that_trusts_another(tmp_path: Path) -> None:
    new = DeskLab(tmp_path, site_keys=(INSTALLER.trusted,))
    foreign = INSTALLER.bundle({"config.toml": configuration_text(STRANGER).encode()})
    assert (await new.refused(foreign, BundleSource.LAN)).code is OutcomeCode.UNKNOWN_KEY


async def test_the_sites_key_says_nothing_any_more_once_a_configuration_counts(tmp_path: Path) -> None:
    lab = DeskLab(tmp_path, configuration_text(STRANGER), site_keys=(INSTALLER.trusted,))
    assert (await lab.refused(bundle(), BundleSource.STICK)).code is OutcomeCode.UNKNOWN_KEY
