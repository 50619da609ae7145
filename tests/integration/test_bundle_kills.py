"""What a power cut at any step of a bundle's way leaves behind: the old configuration or the new one, whole."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from contract.results import BundleResult, CheckName, ReportCode
from firmware.configuration.config_store import CONFIGURATION_NAME, SECRETS_NAME, ConfigStore
from firmware.configuration.loading import LoadedConfiguration, load
from firmware.configuration.sealed import seal_to_self
from firmware.configuration.standing import MOST_TRIES, Ended
from firmware.setup.bundles.identity import open_identity
from provisioning.serial import serial
from tests.lab import kills
from tests.lab.bundle_desk import NOW_S, candidate, configuration_text
from tests.lab.bundles import Installer

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak, pytest.mark.feature("bundle trial")]

FIRST, OLD, NEW = 5, 6, 7
CERTIFICATE = "certificates/ca.pem"


def files_of(config_store: ConfigStore, number: int) -> dict[str, bytes]:
    """What the configuration of a number has, each its own."""
    identity = open_identity(config_store.folder, serial())
    text = configuration_text(Installer(), password="", device=f"desk-{number}")
    text = text.replace('domain = "sip.example"', f'domain = "sip.example"\ntls_ca = "{CERTIFICATE}"')
    secrets = seal_to_self({"sip-password": f"password-{number}"}, identity.sealing_key, identity.serial)
    return {CONFIGURATION_NAME: text.encode(), CERTIFICATE: f"pem-{number}".encode(), SECRETS_NAME: secrets}


def put_on_shelf(config_store: ConfigStore, number: int) -> None:
    draft = config_store.draft_of(f"{number:032x}")
    draft.write_bytes(b"bundle")
    config_store.stage(number, draft, files_of(config_store, number))


def done_with(config_store: ConfigStore, number: int, result: BundleResult) -> None:
    code: ReportCode = CheckName.LINES if result is BundleResult.REVERTED else ""
    config_store.end(Ended.of(candidate(number), result, code, checks=(), at_s=NOW_S))


# --- what was there before ---


def old(folder: Path) -> ConfigStore:
    """Two configurations have come to count, one after the other."""
    config_store = ConfigStore(folder)
    for number in (FIRST, OLD):
        put_on_shelf(config_store, number)
        config_store.begin_trial(candidate(number))
        config_store.keep(NOW_S, ())
        done_with(config_store, number, BundleResult.APPLIED)
    return config_store


def tried(folder: Path) -> ConfigStore:
    """A new one is being tried."""
    config_store = old(folder)
    put_on_shelf(config_store, NEW)
    config_store.begin_trial(candidate(NEW))
    config_store.take_up_trial()
    return config_store


def tried_in_vain(folder: Path) -> ConfigStore:
    """The handset has died of a new one each time."""
    config_store = tried(folder)
    while config_store.take_up_trial() is not None:
        pass
    assert config_store.standing.trial is not None
    assert config_store.standing.trial.tries == MOST_TRIES
    return config_store


def littered(folder: Path) -> ConfigStore:
    """Something was coming in, and something was staged that nobody tries any more."""
    config_store = old(folder)
    put_on_shelf(config_store, NEW)
    config_store.draft_of("f" * 32).write_bytes(b"half")
    return config_store


def bare(folder: Path) -> ConfigStore:
    """Nothing is there yet."""
    return ConfigStore(folder)


# --- what is cut off: each is called in the process that is killed ---


def stage_and_try(folder: Path) -> None:
    """Stage a new one and have it tried."""
    config_store = ConfigStore(folder)
    put_on_shelf(config_store, NEW)
    config_store.begin_trial(candidate(NEW))


def start(folder: Path) -> None:
    """Start the handset."""
    load(folder / "config.toml", folder)
    ConfigStore(folder).sweep()


def keep(folder: Path) -> None:
    """Let what is tried count."""
    config_store = ConfigStore(folder)
    config_store.keep(NOW_S, ())
    config_store.forget_bundle(NEW)
    done_with(config_store, NEW, BundleResult.APPLIED)
    config_store.note_told()


def give_up(folder: Path) -> None:
    """Go back to what counted before."""
    config_store = ConfigStore(folder)
    done_with(config_store, NEW, BundleResult.REVERTED)
    config_store.note_told()


def go_back(folder: Path) -> None:
    """Have the first one again, as somebody orders by hand."""
    config_store = ConfigStore(folder)
    config_store.begin_trial(candidate(FIRST, goes_back=True))
    config_store.take_up_trial()
    config_store.keep(NOW_S, ())
    done_with(config_store, FIRST, BundleResult.APPLIED)


def make_keys(folder: Path) -> None:
    """Make the handset's own keys."""
    open_identity(ConfigStore(folder).folder, serial())


# --- what must be there after ---


@dataclass(frozen=True, slots=True)
class Case:
    """What was there, what is done to it, which numbers may count after a cut and which one does without one."""

    before: Callable[[Path], ConfigStore]
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
        config_store = ConfigStore(folder)
        config_store.sweep()
        kept = {str(kept.number) for kept in config_store.standing.kept}
        trial = config_store.standing.trial
        there = {path.name for path in config_store.folder_of(OLD).parent.glob("*")}
        assert there == kept | ({str(trial.number)} if trial is not None else set())
        assert not list(config_store.draft_of("x").parent.iterdir())
    open_identity(config_store.folder, serial())
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
