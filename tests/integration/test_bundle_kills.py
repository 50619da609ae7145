"""What a power cut at any step of a bundle's way leaves behind: the old configuration or the new one, whole."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware.base.serial import serial
from firmware.configuration.loading import LoadedConfiguration, load
from firmware.configuration.sealed import seal_to_self
from firmware.configuration.shelf import CONFIGURATION_NAME, SECRETS_NAME, Shelf
from firmware.configuration.standing import MOST_TRIES, Ended
from firmware.phone.bundle_news import BundleCode, BundleResult
from firmware.setup.bundles.identity import open_identity
from tests.lab import kills
from tests.lab.bundle_desk import NOW_S, candidate, configuration_text
from tests.lab.bundles import Installer

kills.load(__name__)
pytestmark = [pytest.mark.soak, pytest.mark.feature("bundle trial")]

FIRST, OLD, NEW = 5, 6, 7
CERTIFICATE = "certificates/ca.pem"


def files_of(shelf: Shelf, number: int) -> dict[str, bytes]:
    """What the configuration of a number has, each its own."""
    identity = open_identity(shelf.folder, serial())
    text = configuration_text(Installer(), password="", device=f"desk-{number}")
    text = text.replace('domain = "sip.example"', f'domain = "sip.example"\ntls_ca = "{CERTIFICATE}"')
    secrets = seal_to_self({"sip-password": f"password-{number}"}, identity.sealing_key, identity.serial)
    return {CONFIGURATION_NAME: text.encode(), CERTIFICATE: f"pem-{number}".encode(), SECRETS_NAME: secrets}


def put_on_shelf(shelf: Shelf, number: int) -> None:
    draft = shelf.draft_of(f"{number:032x}")
    draft.write_bytes(b"bundle")
    shelf.stage(number, draft, files_of(shelf, number))


def done_with(shelf: Shelf, number: int, result: BundleResult) -> None:
    code = BundleCode.LINES if result is BundleResult.REVERTED else BundleCode.NONE
    shelf.end(Ended.of(candidate(number), result, code, checks=(), at_s=NOW_S))


# --- what was there before ---


def old(folder: Path) -> Shelf:
    """Two configurations have come to count, one after the other."""
    shelf = Shelf(folder)
    for number in (FIRST, OLD):
        put_on_shelf(shelf, number)
        shelf.begin_trial(candidate(number))
        shelf.keep(NOW_S, ())
        done_with(shelf, number, BundleResult.APPLIED)
    return shelf


def tried(folder: Path) -> Shelf:
    """A new one is being tried."""
    shelf = old(folder)
    put_on_shelf(shelf, NEW)
    shelf.begin_trial(candidate(NEW))
    shelf.take_up_trial()
    return shelf


def tried_in_vain(folder: Path) -> Shelf:
    """The handset has died of a new one each time."""
    shelf = tried(folder)
    while shelf.take_up_trial() is not None:
        pass
    assert shelf.standing.trial is not None
    assert shelf.standing.trial.tries == MOST_TRIES
    return shelf


def littered(folder: Path) -> Shelf:
    """Something was coming in, and something was staged that nobody tries any more."""
    shelf = old(folder)
    put_on_shelf(shelf, NEW)
    shelf.draft_of("f" * 32).write_bytes(b"half")
    return shelf


def bare(folder: Path) -> Shelf:
    """Nothing is there yet."""
    return Shelf(folder)


# --- what is cut off: each is called in the process that is killed ---


def stage_and_try(folder: Path) -> None:
    """Stage a new one and have it tried."""
    shelf = Shelf(folder)
    put_on_shelf(shelf, NEW)
    shelf.begin_trial(candidate(NEW))


def start(folder: Path) -> None:
    """Start the handset."""
    load(folder / "config.toml", folder)
    Shelf(folder).sweep()


def keep(folder: Path) -> None:
    """Let what is tried count."""
    shelf = Shelf(folder)
    shelf.keep(NOW_S, ())
    shelf.forget_bundle(NEW)
    done_with(shelf, NEW, BundleResult.APPLIED)
    shelf.note_told()


def give_up(folder: Path) -> None:
    """Go back to what counted before."""
    shelf = Shelf(folder)
    done_with(shelf, NEW, BundleResult.REVERTED)
    shelf.note_told()


def go_back(folder: Path) -> None:
    """Have the first one again, as somebody orders by hand."""
    shelf = Shelf(folder)
    shelf.begin_trial(candidate(FIRST, goes_back=True))
    shelf.take_up_trial()
    shelf.keep(NOW_S, ())
    done_with(shelf, FIRST, BundleResult.APPLIED)


def make_keys(folder: Path) -> None:
    """Make the handset's own keys."""
    open_identity(Shelf(folder).folder, serial())


# --- what must be there after ---


@dataclass(frozen=True, slots=True)
class Case:
    """What was there, what is done to it, which numbers may count after a cut and which one does without one."""

    before: Callable[[Path], Shelf]
    change: Callable[[Path], None]
    may_run: Collection[int | None]
    ends_with: int | None


def check_whole(folder: Path, loaded: LoadedConfiguration) -> None:
    """What the handset starts with is one configuration's text, files and passwords and no other's."""
    assert loaded.mistakes == ()
    assert not loaded.from_last_good
    configuration, number = loaded.configuration, loaded.number
    assert configuration is not None
    assert configuration.device.id == f"desk-{number}"
    [account] = configuration.accounts
    assert account.password is not None
    assert account.password.get_secret_value() == f"password-{number}"
    assert account.tls_ca is not None
    assert account.tls_ca.read_bytes() == f"pem-{number}".encode()
    assert account.tls_ca == folder / "provisioning" / "configurations" / str(number) / CERTIFICATE


def check(folder: Path, case: Case) -> int | None:
    """Start the handset after the cut, twice; return what the first start runs with."""
    numbers = []
    for _ in range(2):
        loaded = load(folder / "config.toml", folder)
        numbers.append(loaded.number)
        assert loaded.number in case.may_run
        if loaded.number is not None:
            check_whole(folder, loaded)
        shelf = Shelf(folder)
        shelf.sweep()
        kept = {str(kept.number) for kept in shelf.standing.kept}
        trial = shelf.standing.trial
        there = {path.name for path in shelf.folder_of(OLD).parent.glob("*")}
        assert there == kept | ({str(trial.number)} if trial is not None else set())
        assert not list(shelf.draft_of("x").parent.iterdir())
    open_identity(shelf.folder, serial())
    return numbers[0]


CASES = [
    pytest.param(Case(old, stage_and_try, {OLD, NEW}, NEW), id="staging"),
    pytest.param(Case(tried, start, {OLD, NEW}, NEW), id="starting with it"),
    pytest.param(Case(tried, keep, {NEW}, NEW), id="keeping it"),
    pytest.param(Case(tried, give_up, {OLD, NEW}, OLD), id="giving it up"),
    pytest.param(Case(tried_in_vain, start, {OLD}, OLD), id="giving up what never came up"),
    pytest.param(Case(old, go_back, {FIRST, OLD}, FIRST), id="going back by hand"),
    pytest.param(Case(littered, start, {OLD}, OLD), id="sweeping"),
    pytest.param(Case(bare, make_keys, {None}, None), id="making the keys"),
]


@pytest.mark.timeout(200)
@pytest.mark.parametrize("case", CASES)
def test_a_power_cut_at_any_step_leaves_one_configuration_whole(memory: Path, case: Case) -> None:
    whole = memory / "whole"
    whole.mkdir()
    case.before(whole)
    for cut in kills.cuts(whole, case.change):
        runs_with = check(cut.folder, case)
        if cut.ended:
            assert cut.step > 3, "nothing was ever killed"
            assert runs_with == case.ends_with
