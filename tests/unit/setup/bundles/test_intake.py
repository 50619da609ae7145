import asyncio
import errno
import hashlib
import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from contract.calls import CallDirection
from contract.results import BundleResult, CheckCode, CheckName, OutcomeCode
from firmware.base.errors import BundleError
from firmware.configuration.config_store import BUNDLE_NAME, CONFIGURATION_NAME, SECRETS_NAME
from firmware.configuration.loading import load
from firmware.configuration.sealed import read_own, seal_to_self
from firmware.configuration.standing import BundleSource, Candidate, Ended
from firmware.control.open_files import sealed
from firmware.display.translation import Language, translator
from firmware.phone.bundle_news import (
    AnswerBundleSigner,
    BundleCodeWanted,
    BundleEnded,
    BundleSignerShown,
    BundleStep,
    BundleStepStarted,
    GiveUpBundleCode,
    TryBundleCode,
)
from firmware.phone.bundle_phrases import reason
from firmware.phone.call import CallerId, CallState
from firmware.phone.view import CallView, Mode, PhoneView
from firmware.setup.bundles import drafts as drafts_module
from firmware.setup.stick.report_text import report_text
from provisioning.bundle import MAX_BUNDLE_BYTES, key_words
from provisioning.identity import new_sealing_key
from provisioning.report import Check
from provisioning.sealing import CodeCost, seal_to_code, seal_to_device
from provisioning.trust import Kind
from tests.lab.bundle_desk import PASSWORD, QUIET, DeskLab, configuration_text
from tests.lab.bundles import FLEET, ISSUED, SERIAL, Installer
from tests.lab.ring_tones import chime

pytestmark = pytest.mark.feature("bundle trial")

INSTALLER = Installer()
STRANGER = Installer(bytes(range(1, 33)))
CODE = "0123456789"
CHEAP = CodeCost(memory_kib=64, passes=1)
IN_CALL = PhoneView(Mode.IN_CALL, call=CallView(CallState.ACTIVE, CallDirection.OUTGOING, CallerId("1", "")))


BELL = "ring_tones/bell.wav"
WITH_TONE = configuration_text(INSTALLER, more=f'[ringer]\ntone = "{BELL}"\n')


def contents(text: str = "", **more: bytes) -> dict[str, bytes]:
    return {"config.toml": (text or configuration_text(INSTALLER)).encode(), **more}


@pytest.fixture
async def lab(tmp_path: Path) -> DeskLab:
    """Return a handset that trusts the installer."""
    return DeskLab(tmp_path, configuration_text(INSTALLER))


@pytest.fixture
async def new(tmp_path: Path) -> DeskLab:
    """Return a handset that has never been set up."""
    return DeskLab(tmp_path)


async def test_a_bundle_by_a_pinned_key_is_staged_whole_and_tried_by_the_next_run(lab: DeskLab) -> None:
    bundle = INSTALLER.bundle(contents())
    trial = await lab.staged(bundle)
    assert (trial.number, trial.source, lab.starts) == (7, BundleSource.STICK, 1)
    folder = lab.config_store.folder_of(7)
    assert (folder / BUNDLE_NAME).read_bytes() == bundle
    assert (folder / CONFIGURATION_NAME).read_text() == configuration_text(INSTALLER)
    assert lab.config_store.standing.active is None
    assert lab.news == [BundleStepStarted(BundleStep.READING), BundleStepStarted(BundleStep.CHECKING)]
    assert not list(lab.config_store.draft_of("x").parent.iterdir())


async def test_the_ring_tone_that_the_configuration_names_lies_beside_it_and_no_other(lab: DeskLab) -> None:
    await lab.staged(INSTALLER.bundle(contents(WITH_TONE, **{BELL: chime(), "ring_tones/other.wav": chime(0.1)})))
    folder = lab.config_store.folder_of(7)
    assert [path.name for path in (folder / "ring_tones").iterdir()] == ["bell.wav"]
    loaded = load(lab.folder / "config.toml", lab.folder)
    assert loaded.configuration is not None
    assert loaded.configuration.ringer.tone == folder / BELL
    assert (folder / BELL).read_bytes() == chime()


async def test_a_new_handset_shows_the_signers_words_and_tries_what_was_accepted(new: DeskLab) -> None:
    new.answers = [AnswerBundleSigner(accepted=True)]
    await new.staged(INSTALLER.bundle(contents()))
    assert BundleSignerShown(key_words(INSTALLER.public)) in new.news


async def test_a_new_handset_changes_nothing_where_nobody_accepts_the_signer(new: DeskLab) -> None:
    new.answers = [AnswerBundleSigner(accepted=False)]
    report = await new.refused(INSTALLER.bundle(contents()))
    assert (report.result, report.code, report.number) == (BundleResult.REFUSED, OutcomeCode.NOT_ACCEPTED, 7)
    assert not new.config_store.folder_of(7).exists()
    assert new.starts == 0


async def test_a_new_handset_takes_nothing_from_the_network_and_asks_nobody(new: DeskLab) -> None:
    report = await new.refused(INSTALLER.bundle(contents()), BundleSource.NETWORK)
    assert report.code is OutcomeCode.UNKNOWN_KEY
    assert not any(isinstance(news, BundleSignerShown) for news in new.news)


@pytest.mark.parametrize(
    ("bundle", "code"),
    [
        pytest.param(STRANGER.bundle(contents()), OutcomeCode.UNKNOWN_KEY, id="of a stranger"),
        pytest.param(INSTALLER.bundle(contents())[:-9], OutcomeCode.FORGED, id="cut short"),
        pytest.param(b"no bundle at all", OutcomeCode.UNREADABLE, id="something else"),
        pytest.param(INSTALLER.bundle(contents(), fleet="other"), OutcomeCode.WRONG_FLEET, id="for another fleet"),
        pytest.param(
            INSTALLER.bundle(contents(), serials=("00000000deadbeef",)), OutcomeCode.WRONG_SERIAL, id="for another"
        ),
        pytest.param(
            INSTALLER.bundle(contents(), issued_at=ISSUED - timedelta(days=9), not_after=ISSUED),
            OutcomeCode.EXPIRED,
            id="expired",
        ),
        pytest.param(
            INSTALLER.bundle(contents(), issued_at=ISSUED + timedelta(days=9)),
            OutcomeCode.NOT_YET_VALID,
            id="from the future",
        ),
        pytest.param(INSTALLER.bundle({}), OutcomeCode.MISTAKES, id="without a configuration"),
        pytest.param(
            INSTALLER.bundle(contents("[device]\nid = 7")),
            OutcomeCode.MISTAKES,
            id="with mistakes in its configuration",
        ),
        pytest.param(
            INSTALLER.bundle(
                contents(configuration_text(INSTALLER, more='[sync]\nhost = "b"\nca = "certificates/x.pem"'))
            ),
            OutcomeCode.MISTAKES,
            id="with a file missing",
        ),
        pytest.param(
            INSTALLER.bundle(contents(WITH_TONE, **{BELL: b"RIFF"})), OutcomeCode.MISTAKES, id="whose tone is none"
        ),
        pytest.param(
            INSTALLER.bundle(contents(WITH_TONE.replace(BELL, "contacts.vcf"), **{"contacts.vcf": chime()})),
            OutcomeCode.MISTAKES,
            id="whose tone is not where tones are",
        ),
        pytest.param(
            INSTALLER.bundle(contents(configuration_text(INSTALLER).replace(FLEET, "other"))),
            OutcomeCode.MISTAKES,
            id="whose configuration is of another fleet",
        ),
        pytest.param(
            INSTALLER.bundle(contents(configuration_text(Installer(bytes(range(32)), Kind.POLICY)))),
            OutcomeCode.LOCKED_OUT,
            id="after which none could be taken",
        ),
        pytest.param(
            INSTALLER.bundle(contents(configuration_text(INSTALLER, password=""))),
            OutcomeCode.NO_SECRETS,
            id="without passwords",
        ),
    ],
)
async def test_a_bundle_that_may_not_be_taken_is_refused_with_its_reason_and_leaves_nothing(
    lab: DeskLab, bundle: bytes, code: OutcomeCode
) -> None:
    report = await lab.refused(bundle)
    assert (report.result, report.code) == (BundleResult.REFUSED, code)
    ended = lab.news[-1]
    assert isinstance(ended, BundleEnded)
    assert (ended.result, ended.code) == (BundleResult.REFUSED, code)
    lab.config_store.sweep()
    assert not list(lab.config_store.draft_of("x").parent.iterdir())
    assert not lab.config_store.folder_of(7).parent.exists()
    assert lab.starts == 0


async def test_the_display_and_the_report_name_the_fleet_of_a_bundle_for_others_and_the_handset_s_own(
    lab: DeskLab,
) -> None:
    report = await lab.refused(INSTALLER.bundle(contents(), fleet="other"))
    assert (report.bundle_fleet, report.own_fleet) == ("other", FLEET)
    ended = lab.news[-1]
    assert isinstance(ended, BundleEnded)
    assert translator(Language.ENGLISH).say(reason(ended)) == f"It is for fleet other, not {FLEET}."
    expired = INSTALLER.bundle(contents(), issued_at=ISSUED - timedelta(days=9), not_after=ISSUED)
    assert (await lab.refused(expired)).bundle_fleet == ""


async def test_numbers_only_rise(lab: DeskLab) -> None:
    await lab.staged(INSTALLER.bundle(contents()))
    lab.config_store.keep(lab.now_s, ())
    other = DeskLab(lab.folder, configuration_text(INSTALLER))
    other.config_store.end(_applied(other))
    assert (await other.refused(INSTALLER.bundle(contents(), number=6))).code is OutcomeCode.OLD
    changed = contents(configuration_text(INSTALLER, device="desk-2"))
    assert (await other.refused(INSTALLER.bundle(changed))).code is OutcomeCode.OLD
    assert (await other.staged(INSTALLER.bundle(changed, number=8))).number == 8


BEHIND = Check(name=CheckName.CLOCK, passed=False, code=CheckCode.BEHIND)


async def test_a_clock_in_1970_makes_no_bundle_good_that_is_over_and_the_report_tells_of_it(lab: DeskLab) -> None:
    lab.context.proven_time.note_clock()
    lab.now_s, lab.synced = 0, False
    over = INSTALLER.bundle(contents(), issued_at=ISSUED - timedelta(days=9), not_after=ISSUED)
    report = await lab.refused(over)
    assert (report.code, report.checks) == (OutcomeCode.EXPIRED, (BEHIND,))
    assert "! clock: it is behind" in report_text(report, Language.ENGLISH)


async def test_a_bundle_that_is_taken_is_proof_of_the_time_in_which_it_was_signed(lab: DeskLab) -> None:
    lab.now_s, lab.synced = 0, False
    await lab.staged(INSTALLER.bundle(contents(), issued_at=ISSUED + timedelta(days=40)))
    assert lab.context.proven_time.read().at_least_s == (ISSUED + timedelta(days=40)).timestamp()


async def test_a_bundle_that_is_refused_is_proof_of_nothing(lab: DeskLab) -> None:
    lab.now_s, lab.synced = 0, False
    await lab.refused(INSTALLER.bundle(contents(), fleet="other"))
    await lab.refused(STRANGER.bundle(contents()))
    assert lab.context.proven_time.read().at_least_s == 0


async def test_the_bundle_that_counts_is_nothing_to_do(lab: DeskLab) -> None:
    bundle = INSTALLER.bundle(contents())
    await lab.staged(bundle)
    lab.config_store.keep(lab.now_s, ())
    other = DeskLab(lab.folder, configuration_text(INSTALLER))
    other.config_store.end(_applied(other))
    report = await other.refused(bundle)
    assert (report.result, report.code, report.number) == (BundleResult.NOTHING_TO_DO, "", 7)
    assert other.starts == 0


async def test_passwords_that_are_sealed_to_this_handset_lie_on_the_card_sealed_and_are_used(lab: DeskLab) -> None:
    sealed = seal_to_device({"sip-password": PASSWORD}, lab.intake.identity().public_bytes, serial=SERIAL)
    text = configuration_text(INSTALLER, password="")
    await lab.staged(INSTALLER.bundle(contents(text, **{f"sealed/{SERIAL}": sealed})))
    assert not any(PASSWORD.encode() in path.read_bytes() for path in lab.folder.rglob("*") if path.is_file())
    assert (lab.config_store.folder_of(7) / SECRETS_NAME).exists()


async def test_passwords_that_are_sealed_to_a_code_are_asked_for_and_resealed(
    lab: DeskLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.configuration.loading.serial", lambda: SERIAL)
    sealed = seal_to_code({"sip-password": PASSWORD}, CODE, CHEAP)
    lab.answers = [TryBundleCode("0000000000"), TryBundleCode(CODE)]
    text = configuration_text(INSTALLER, password="")
    await lab.staged(INSTALLER.bundle(contents(text, **{"sealed/code": sealed})))
    asked = [news for news in lab.news if isinstance(news, BundleCodeWanted)]
    assert asked == [BundleCodeWanted(5), BundleCodeWanted(4, wrong=True)]
    loaded = load(lab.folder / "config.toml", lab.folder)
    assert loaded.trial is not None
    assert loaded.configuration is not None
    password = loaded.configuration.accounts[0].password
    assert password is not None
    assert password.get_secret_value() == PASSWORD
    assert PASSWORD not in repr(loaded)


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([TryBundleCode(f"{wrong}") for wrong in range(5)], OutcomeCode.WRONG_CODE),
        ([GiveUpBundleCode()], OutcomeCode.NOT_ACCEPTED),
    ],
)
async def test_a_code_that_nobody_knows_changes_nothing(
    lab: DeskLab, answers: list[TryBundleCode | GiveUpBundleCode], code: OutcomeCode
) -> None:
    lab.answers = list(answers)
    sealed = seal_to_code({"sip-password": PASSWORD}, CODE, CHEAP)
    text = configuration_text(INSTALLER, password="")
    report = await lab.refused(INSTALLER.bundle(contents(text, **{"sealed/code": sealed})))
    assert report.code is code
    assert not lab.config_store.folder_of(7).exists()


def with_code(sealed: bytes, number: int, device: str = "desk-1") -> bytes:
    text = configuration_text(INSTALLER, password="", device=device)
    return INSTALLER.bundle(contents(text, **{"sealed/code": sealed}), number)


def times_asked(lab: DeskLab) -> int:
    return sum(isinstance(news, BundleCodeWanted) for news in lab.news)


async def counts_by_code(lab: DeskLab, sealed: bytes) -> None:
    """Have a bundle count whose code somebody types."""
    lab.answers = [TryBundleCode(CODE)]
    await lab.staged(with_code(sealed, 7))
    assert times_asked(lab) == 1
    keep(lab)


def keep(lab: DeskLab) -> None:
    """Have what is tried count."""
    trial = lab.config_store.standing.trial
    assert trial is not None
    lab.config_store.keep(0, ())
    lab.config_store.end(Ended.of(trial, BundleResult.APPLIED, checks=(), at_s=0))


def password_of(lab: DeskLab, number: int) -> str:
    secrets = read_own(lab.config_store.folder_of(number), lab.config_store.folder, SERIAL)
    return secrets["sip-password"]


async def test_a_code_is_typed_once_for_passwords_that_stay_the_same(lab: DeskLab) -> None:
    sealed = seal_to_code({"sip-password": PASSWORD}, CODE, CHEAP)
    await counts_by_code(lab, sealed)
    # Over the network, by stick, and by stick once more: each keeps what the one before it had.
    for number, source in ((8, BundleSource.NETWORK), (9, BundleSource.STICK), (10, BundleSource.STICK)):
        await lab.staged(with_code(sealed, number, f"desk-{number}"), source)
        keep(lab)
        assert password_of(lab, number) == PASSWORD
    assert times_asked(lab) == 1


async def test_a_code_is_asked_for_again_where_what_it_opens_is_new(lab: DeskLab) -> None:
    await counts_by_code(lab, seal_to_code({"sip-password": PASSWORD}, CODE, CHEAP))
    lab.answers = [TryBundleCode(CODE)]
    await lab.staged(with_code(seal_to_code({"sip-password": "another-word"}, CODE, CHEAP), 8))
    assert times_asked(lab) == 2
    assert password_of(lab, 8) == "another-word"


@pytest.mark.parametrize("lost", ["did not work", "was forgotten", "has another key"])
async def test_a_code_is_asked_for_again_where_the_handset_does_not_hold_what_it_opened(
    lab: DeskLab, lost: str
) -> None:
    sealed = seal_to_code({"sip-password": PASSWORD}, CODE, CHEAP)
    if lost == "did not work":
        lab.answers = [TryBundleCode(CODE)]
        trial = await lab.staged(with_code(sealed, 7))
        lab.config_store.end(Ended.of(trial, BundleResult.REVERTED, CheckName.LINES, checks=(), at_s=0))
    else:
        await counts_by_code(lab, sealed)
    if lost == "was forgotten":
        lab.config_store.forget_operator()
    if lost == "has another key":
        folder = lab.config_store.folder_of(7)
        (folder / SECRETS_NAME).write_bytes(seal_to_self({"sip-password": "x"}, new_sealing_key(), SERIAL))
    lab.answers = [TryBundleCode(CODE)]
    await lab.staged(with_code(sealed, 8))
    assert times_asked(lab) == 2
    assert password_of(lab, 8) == PASSWORD


async def test_passwords_that_came_otherwise_meanwhile_are_not_taken_for_those_of_a_code(lab: DeskLab) -> None:
    sealed = seal_to_code({"sip-password": PASSWORD}, CODE, CHEAP)
    await counts_by_code(lab, sealed)
    own = seal_to_device({"sip-password": "another-word"}, lab.intake.identity().public_bytes, serial=SERIAL)
    text = configuration_text(INSTALLER, password="")
    await lab.staged(INSTALLER.bundle(contents(text, **{f"sealed/{SERIAL}": own}), 8))
    keep(lab)
    lab.answers = [TryBundleCode(CODE)]
    await lab.staged(with_code(sealed, 9))
    assert times_asked(lab) == 2
    assert password_of(lab, 9) == PASSWORD


async def test_a_code_is_never_asked_for_what_came_over_the_network(lab: DeskLab) -> None:
    sealed = seal_to_code({"sip-password": PASSWORD}, CODE, CHEAP)
    text = configuration_text(INSTALLER, password="")
    bundle = INSTALLER.bundle(contents(text, **{"sealed/code": sealed}))
    assert (await lab.refused(bundle, BundleSource.NETWORK)).code is OutcomeCode.NO_SECRETS


@pytest.mark.feature("firmware by bundle")
@pytest.mark.parametrize("source", BundleSource)
async def test_a_bundle_with_firmware_is_refused_and_nothing_of_it_is_taken(lab: DeskLab, source: BundleSource) -> None:
    report = await lab.refused(INSTALLER.bundle_with_firmware(contents()), source)
    assert (report.code, report.number) == (OutcomeCode.FIRMWARE_SUPERSEDED, 7)
    assert lab.config_store.standing.candidate is None
    assert not lab.config_store.folder_of(7).exists()


async def test_nobody_is_asked_for_the_signer_of_a_first_bundle_with_firmware(new: DeskLab) -> None:
    report = await new.refused(INSTALLER.bundle_with_firmware(contents()))
    assert report.code is OutcomeCode.FIRMWARE_SUPERSEDED
    assert not any(isinstance(news, BundleSignerShown) for news in new.news)


@pytest.mark.parametrize("on_card", [True, False])
async def test_the_phone_hears_with_a_refusal_whether_it_runs_from_a_card(
    lab: DeskLab, monkeypatch: pytest.MonkeyPatch, on_card: bool
) -> None:
    monkeypatch.setattr("firmware.setup.bundles.verdict.is_card", lambda: on_card)
    await lab.refused(INSTALLER.bundle_with_firmware(contents()))
    assert [news.on_card for news in lab.news if isinstance(news, BundleEnded)] == [on_card]


async def test_a_call_in_progress_is_waited_for(lab: DeskLab) -> None:
    lab.watch.note_view(IN_CALL)
    await lab.offer(INSTALLER.bundle(contents()))
    await lab.hears(BundleStepStarted(BundleStep.WAITING_FOR_CALL))
    assert lab.config_store.standing.trial is None
    lab.watch.note_view(QUIET)
    await lab.wait_for_start()
    assert lab.config_store.standing.trial is not None


async def test_two_bundles_are_not_taken_in_at_once(lab: DeskLab) -> None:
    lab.watch.note_view(IN_CALL)
    await lab.offer(INSTALLER.bundle(contents()))
    with pytest.raises(BundleError, match="Another bundle"):
        await lab.offer(bytes(100), BundleSource.NETWORK)
    await lab.intake.stop()


async def test_another_stick_takes_the_place_of_one_whose_question_nobody_answers(new: DeskLab) -> None:
    await new.offer(INSTALLER.bundle(contents()))
    await new.hears(BundleSignerShown(key_words(INSTALLER.public)))
    new.answers = [AnswerBundleSigner(accepted=True)]
    trial = await new.staged(INSTALLER.bundle(contents(), number=8))
    assert trial.number == 8


async def test_one_that_has_taken_the_place_of_another_is_not_disturbed_by_a_third(
    new: DeskLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, end = asyncio.Event(), new.intake._end

    async def end_late(*what: Any) -> None:
        await may_end.wait()
        await end(*what)

    monkeypatch.setattr(new.intake, "_end", end_late)
    await new.offer(INSTALLER.bundle(contents()))
    await new.hears(BundleSignerShown(key_words(INSTALLER.public)))
    new.answers = [AnswerBundleSigner(accepted=True)]
    new.watch.note_view(IN_CALL)
    second = asyncio.create_task(new.offer(INSTALLER.bundle(contents(), number=8)))
    may_end.set()
    await second
    await new.hears(BundleStepStarted(BundleStep.WAITING_FOR_CALL))
    with pytest.raises(BundleError, match="Another bundle") as caught:
        await new.intake.begin(100)
    assert caught.value.refusal is OutcomeCode.BUSY
    await new.intake.stop()


async def test_a_bundle_that_is_under_way_need_not_come_over_the_network(lab: DeskLab) -> None:
    bundle = INSTALLER.bundle(contents())
    lab.watch.note_view(IN_CALL)
    await lab.offer(bundle, BundleSource.NETWORK)
    await lab.hears(BundleStepStarted(BundleStep.WAITING_FOR_CALL, by_stick=False))
    assert lab.intake.is_known(hashlib.sha256(bundle).hexdigest())
    await lab.intake.stop()
    assert not lab.intake.is_known(hashlib.sha256(bundle).hexdigest())


async def test_a_bundle_is_looked_at_as_it_was_when_it_came(lab: DeskLab, tmp_path: Path) -> None:
    path, bundle = tmp_path / "growing.wecall", INSTALLER.bundle(contents())
    path.write_bytes(bundle)
    with path.open("rb") as file:
        await lab.intake.bring(BundleSource.STICK, file)
        # Before anything is copied; what comes behind it is nobody's.
        with path.open("ab") as growing:
            growing.write(b"more")
    await lab.wait_for_start()
    assert (lab.config_store.folder_of(7) / BUNDLE_NAME).read_bytes() == bundle


async def test_a_bundle_that_is_cut_short_while_it_is_copied_is_refused(
    lab: DeskLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shrinking.wecall"
    path.write_bytes(INSTALLER.bundle(contents()))
    copied = drafts_module.Draft.copy

    def cut_and_copy(draft: drafts_module.Draft, file: BinaryIO, size_bytes: int) -> None:
        os.truncate(path, size_bytes // 2)
        copied(draft, file, size_bytes)

    monkeypatch.setattr(drafts_module.Draft, "copy", cut_and_copy)
    with path.open("rb") as file:
        offer = await lab.intake.bring(BundleSource.STICK, file)
    assert (await lab.report(offer)).code is OutcomeCode.FORGED
    assert not list(lab.config_store.draft_of("x").parent.iterdir())


async def test_nothing_is_known_of_what_never_came(lab: DeskLab) -> None:
    with pytest.raises(BundleError, match="Nothing is known"):
        await lab.intake.follow("f" * 32, 0, 0)


async def test_a_file_that_is_larger_than_any_bundle_is_not_even_copied(lab: DeskLab, tmp_path: Path) -> None:
    with (tmp_path / "large").open("w+b") as file:
        file.truncate(MAX_BUNDLE_BYTES + 1)
        with pytest.raises(BundleError, match="bytes at most") as caught:
            await lab.intake.bring(BundleSource.STICK, file)
    assert caught.value.refusal is OutcomeCode.TOO_LARGE
    assert not list(lab.config_store.draft_of("x").parent.iterdir())


async def test_a_full_card_takes_none(lab: DeskLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts_module, "_RESERVE_BYTES", 1 << 60)
    with pytest.raises(BundleError, match="no room") as caught:
        await lab.intake.begin(10)
    assert caught.value.refusal is OutcomeCode.NO_SPACE


@pytest.mark.parametrize("source", [BundleSource.STICK, BundleSource.NETWORK])
async def test_the_card_must_have_room_for_each_copy_that_is_still_to_be_written(
    lab: DeskLab, monkeypatch: pytest.MonkeyPatch, source: BundleSource
) -> None:
    bundle = INSTALLER.bundle(contents())
    free_bytes = 0

    def leave(copies: int, less_bytes: int = 0) -> None:
        nonlocal free_bytes
        free_bytes = copies * len(bundle) + drafts_module._RESERVE_BYTES - less_bytes

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(0, 0, free_bytes))
    if source is BundleSource.STICK:
        leave(3, less_bytes=1)
        with pytest.raises(BundleError, match="no room"):
            await lab.intake.begin(len(bundle))
        leave(3)
        await lab.intake.begin(len(bundle))
    leave(2, less_bytes=1)
    with sealed(bundle) as file:
        with pytest.raises(BundleError, match="no room"):
            await lab.intake.bring(source, file)
        leave(2)
        await lab.intake.bring(source, file)
    await lab.wait_for_start()


@pytest.mark.parametrize("source", [BundleSource.STICK, BundleSource.NETWORK])
@pytest.mark.parametrize(
    ("error", "code"), [(errno.ENOSPC, OutcomeCode.NO_SPACE), (errno.EIO, OutcomeCode.FAILED)], ids=["full", "broken"]
)
async def test_a_card_that_takes_no_copy_is_said_before_anything_is_shown(
    lab: DeskLab, monkeypatch: pytest.MonkeyPatch, source: BundleSource, error: int, code: OutcomeCode
) -> None:
    def draft_of(_offer: str) -> Path:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as failing, sealed(INSTALLER.bundle(contents())) as file:
        failing.setattr(lab.config_store, "draft_of", draft_of)
        with pytest.raises(BundleError) as caught:
            await lab.intake.bring(source, file)
    assert (caught.value.refusal, lab.news) == (code, [])
    await lab.staged(INSTALLER.bundle(contents()))


async def test_what_is_given_up_is_copied_no_further_and_leaves_nothing(
    lab: DeskLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on, pieces = threading.Event(), threading.Event(), 0
    pread = os.pread

    def pread_slowly(*what: int) -> bytes:
        nonlocal pieces
        pieces += 1
        begun.set()
        may_go_on.wait(10)
        return pread(*what)

    monkeypatch.setattr(drafts_module, "_PIECE_BYTES", 10)
    with sealed(INSTALLER.bundle(contents())) as file:
        monkeypatch.setattr(os, "pread", pread_slowly)
        await lab.intake.bring(BundleSource.STICK, file)
    await asyncio.to_thread(begun.wait, 10)
    stopping = asyncio.create_task(lab.intake.stop())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not stopping.done()
    may_go_on.set()
    await stopping
    assert pieces == 1
    assert not list(lab.config_store.draft_of("x").parent.iterdir())


async def test_a_bundle_comes_over_the_network_once_no_stick_brings_one(lab: DeskLab) -> None:
    bundle = INSTALLER.bundle(contents())
    await lab.intake.begin(len(bundle))
    with pytest.raises(BundleError, match="A stick brings a bundle just now"):
        await lab.offer(bundle, BundleSource.NETWORK)
    lab.intake.expect_none()
    await lab.staged(bundle, BundleSource.NETWORK)


async def test_what_was_refused_need_not_come_over_the_network_again(lab: DeskLab) -> None:
    bundle = STRANGER.bundle(contents())
    digest = hashlib.sha256(bundle).hexdigest()
    assert not lab.intake.is_known(digest)
    await lab.refused(bundle, BundleSource.NETWORK)
    assert lab.intake.is_known(digest)


async def test_the_operator_hears_by_digest_of_what_was_refused(lab: DeskLab) -> None:
    told: list[Ended] = []
    lab.intake.when_ended = told.append
    bundle = STRANGER.bundle(contents())
    await lab.refused(bundle, BundleSource.NETWORK)
    assert [(ended.digest, ended.source) for ended in told] == [
        (hashlib.sha256(bundle).hexdigest(), BundleSource.NETWORK)
    ]


async def test_a_card_that_fails_while_a_bundle_is_staged_is_a_refusal_and_the_next_one_is_taken(
    lab: DeskLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin_trial(_candidate: Candidate) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(lab.config_store, "begin_trial", begin_trial)
        report = await lab.refused(INSTALLER.bundle(contents()))
    assert (report.result, report.code, lab.starts) == (BundleResult.REFUSED, OutcomeCode.NO_SPACE, 0)
    assert (await lab.staged(INSTALLER.bundle(contents()))).number == 7


async def test_a_mistake_of_ours_is_a_refusal_and_quotes_nothing(
    lab: DeskLab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stage(*_arguments: object) -> None:
        raise RuntimeError(PASSWORD)

    monkeypatch.setattr(lab.config_store, "stage", stage)
    assert (await lab.refused(INSTALLER.bundle(contents()))).code is OutcomeCode.FAILED
    assert "RuntimeError" in caplog.text
    assert PASSWORD not in caplog.text


def _applied(lab: DeskLab) -> Ended:
    finishing = lab.config_store.standing.finishing
    assert finishing is not None
    return Ended.of(finishing.candidate, BundleResult.APPLIED, checks=(), at_s=lab.now_s)
