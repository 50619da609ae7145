import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.calls import CallDirection
from contract.results import BundleCode, BundleResult, CheckCode, CheckName
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.loading import check_configuration
from firmware.phone.bundle_news import BundleStep, BundleStepStarted
from firmware.phone.call import CallerId, CallState, RegistrationFailure, RegistrationState
from firmware.phone.news import Problem
from firmware.phone.view import CallView, LineView, Mode
from firmware.ports.broker import BrokerState
from firmware.setup.bundles.root_work import RootWork
from firmware.setup.bundles.trial import Trial
from firmware.setup.root.messages import RootAnswer, RootOutcome, RootProgress, RootStep
from provisioning.report import Check
from tests.lab.bundle_desk import NOW_S, QUIET, DeskLab, configuration_text
from tests.lab.bundles import Installer
from tests.lab.ring_tones import chime

pytestmark = pytest.mark.feature("bundle trial")

INSTALLER = Installer()
WITH_BROKER = '[sync]\nhost = "broker.example"\n'
NETWORK = '[time]\nservers = ["ntp.example"]\n'
UP = LineView("", RegistrationState.REGISTERED)
DOWN = LineView("", RegistrationState.FAILED, RegistrationFailure.SERVER_UNREACHABLE)
WRONG = LineView("", RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD)
CALL = CallView(CallState.ACTIVE, CallDirection.OUTGOING, CallerId("112", ""))


class TrialLab(DeskLab):
    """A handset that runs with what is to be tried."""

    silent: CheckName | None = None

    async def begin(self, more: str = "", *, patience_s: float = 0.0) -> Trial:
        """Stage a bundle and begin its trial as the next start does; without patience what is not up is down."""
        self.answers = []
        text = configuration_text(INSTALLER, more=more)
        await self.staged(INSTALLER.bundle({"config.toml": text.encode()}))
        self.starts = 0
        self.news.clear()
        trial = self.config_store.take_up_trial()
        assert trial is not None

        async def try_sound() -> CheckName | None:
            return self.silent

        return Trial(self.context, trial, check_configuration(text), try_sound, patience_s=patience_s)

    def lines(self, *lines: LineView) -> None:
        self.watch.note_view(replace(QUIET, lines=lines))

    @property
    def steps_taken(self) -> list[BundleStep]:
        return [news.step for news in self.news if isinstance(news, BundleStepStarted)]


@pytest.fixture
async def lab(tmp_path: Path) -> TrialLab:
    return TrialLab(tmp_path, configuration_text(INSTALLER))


def ended(lab: TrialLab) -> tuple[BundleResult, BundleCode, Sequence[Check]]:
    """What became of it, as the next run reads it."""
    found = ConfigStore(lab.folder).standing.ended
    assert found is not None
    return found.result, found.code, found.checks


async def test_what_registers_and_sounds_counts_from_then_on(lab: TrialLab) -> None:
    trial = await lab.begin(patience_s=10)
    running = asyncio.create_task(trial.run())
    await lab.hears(BundleStepStarted(BundleStep.LINES))
    lab.lines(UP)
    assert await running
    standing = ConfigStore(lab.folder).standing
    assert (standing.active, standing.trial, lab.starts) == (7, None, 0)
    assert standing.finishing is not None
    assert standing.finishing.checks == (
        Check(name=CheckName.LINES, passed=True, line=1),
        Check(name=CheckName.SOUND, passed=True),
        Check(name=CheckName.MICROPHONE, passed=True),
    )
    # Root, where there is one, verifies the bundle first.
    assert lab.steps_taken == [BundleStep.CHECKING, BundleStep.LINES, BundleStep.SOUND, BundleStep.KEEPING]


async def test_a_wrong_password_is_not_waited_for_and_is_named(lab: TrialLab) -> None:
    trial = await lab.begin(patience_s=1000)
    lab.lines(UP, WRONG)
    assert not await trial.run()
    assert ended(lab) == (
        BundleResult.REVERTED,
        CheckName.LINES,
        (
            Check(name=CheckName.LINES, passed=True, line=1),
            Check(name=CheckName.LINES, passed=False, code=CheckCode.REFUSED, line=2),
        ),
    )
    standing = ConfigStore(lab.folder).standing
    assert (standing.active, standing.trial, standing.reverted, lab.starts) == (None, None, (7,), 1)
    assert standing.ended is not None
    assert standing.ended.failure is RegistrationFailure.WRONG_PASSWORD
    assert not lab.config_store.folder_of(7).exists()
    assert lab.steps_taken[-1] is BundleStep.REVERTING


@pytest.mark.parametrize(
    ("line", "code"),
    [(DOWN, CheckCode.UNREACHABLE), (LineView("", RegistrationState.REGISTERING), CheckCode.TIMED_OUT)],
)
async def test_a_line_that_does_not_come_up_in_time_sends_the_bundle_back(
    lab: TrialLab, line: LineView, code: CheckCode
) -> None:
    trial = await lab.begin()
    lab.lines(line)
    assert not await trial.run()
    assert ended(lab) == (
        BundleResult.REVERTED, CheckName.LINES, (Check(name=CheckName.LINES, passed=False, code=code, line=1),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (None, CheckCode.TIMED_OUT),
        (BrokerState.UNREACHABLE, CheckCode.UNREACHABLE),
        (BrokerState.REFUSED, CheckCode.REFUSED),
    ],
)
async def test_a_broker_that_does_not_let_the_handset_in_sends_the_bundle_back(
    lab: TrialLab, state: BrokerState | None, code: CheckCode
) -> None:
    trial = await lab.begin(WITH_BROKER, patience_s=0.05)
    lab.lines(UP)
    if state is not None:
        lab.watch.note_broker(state)
    assert not await trial.run()
    result, failed, checks = ended(lab)
    assert (result, failed) == (BundleResult.REVERTED, CheckName.BROKER)
    assert checks[-1] == Check(name=CheckName.BROKER, passed=False, code=code)


async def test_a_broker_that_answers_is_one_of_the_checks(lab: TrialLab) -> None:
    trial = await lab.begin(WITH_BROKER, patience_s=10)
    lab.lines(UP)
    lab.watch.note_broker(BrokerState.CONNECTED)
    assert await trial.run()
    finishing = lab.config_store.standing.finishing
    assert finishing is not None
    assert Check(name=CheckName.BROKER, passed=True) in finishing.checks


@pytest.mark.parametrize(
    ("silent", "code"), [(CheckName.SOUND, CheckName.SOUND), (CheckName.MICROPHONE, CheckName.MICROPHONE)]
)
async def test_sound_or_a_microphone_that_does_not_open_sends_the_bundle_back_and_is_named(
    lab: TrialLab, silent: CheckName, code: BundleCode
) -> None:
    trial = await lab.begin(patience_s=10)
    lab.silent = silent
    lab.lines(UP)
    assert not await trial.run()
    _, named, checks = ended(lab)
    assert named is code
    assert checks[-1] == Check(name=silent, passed=False, code=CheckCode.NOT_OPENED)


@pytest.mark.parametrize(
    ("content", "check"),
    [
        (chime(), Check(name=CheckName.RING_TONES, passed=True)),
        (b"RIFF", Check(name=CheckName.RING_TONES, passed=False, code=CheckCode.FAILED)),
        (None, Check(name=CheckName.RING_TONES, passed=False, code=CheckCode.FAILED)),
    ],
)
async def test_a_ring_tone_of_the_machines_that_cannot_be_played_is_told_and_sends_nothing_back(
    lab: TrialLab, content: bytes | None, check: Check
) -> None:
    path = lab.folder / "bell.wav"
    if content is not None:
        path.write_bytes(content)
    trial = await lab.begin(f'[ringer]\ntone = "{path}"\n', patience_s=10)
    lab.lines(UP)
    assert await trial.run()
    finishing = ConfigStore(lab.folder).standing.finishing
    assert finishing is not None
    assert finishing.checks[-1] == check


async def test_going_back_waits_for_the_end_of_a_call_that_was_begun_in_the_trial(lab: TrialLab) -> None:
    trial = await lab.begin(patience_s=10)
    running = asyncio.create_task(trial.run())
    await lab.hears(BundleStepStarted(BundleStep.LINES))
    lab.watch.note_view(replace(QUIET, mode=Mode.IN_CALL, call=CALL, lines=(WRONG,)))
    await lab.hears(BundleStepStarted(BundleStep.REVERTING))
    assert (lab.config_store.standing.trial is not None, lab.starts) == (True, 0)
    lab.lines(WRONG)
    assert not await running
    assert lab.starts == 1


async def test_a_call_that_sounds_is_proof_enough_of_the_sound_card(
    lab: TrialLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware.setup.bundles.trial._QUIET_S", 0)
    trial = await lab.begin(patience_s=10)
    lab.silent = CheckName.SOUND
    running = asyncio.create_task(trial.run())
    await lab.hears(BundleStepStarted(BundleStep.LINES))
    lab.watch.note_view(replace(QUIET, mode=Mode.IN_CALL, call=CALL, lines=(UP,)))
    assert await running


async def test_a_machine_without_a_sip_library_is_set_up_all_the_same(lab: TrialLab) -> None:
    trial = await lab.begin(patience_s=10)
    lab.watch.note_view(replace(QUIET, problems=((Problem.SIP_LIBRARY_MISSING, ""),)))
    assert await trial.run()


async def test_what_needs_root_fails_where_nobody_has_root(lab: TrialLab) -> None:
    trial = await lab.begin(NETWORK, patience_s=10)
    lab.lines(UP)
    assert not await trial.run()
    assert ended(lab) == (
        BundleResult.REVERTED,
        CheckName.NETWORK,
        (Check(name=CheckName.NETWORK, passed=False, code=CheckCode.NOT_INSTALLED),),
    )


async def test_a_trial_that_breaks_off_sends_the_bundle_back(lab: TrialLab, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = await lab.begin(patience_s=10)
    lab.lines(UP)

    def keep(_at_s: float, _checks: Sequence[Check]) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(lab.config_store, "keep", keep)
    assert not await trial.run()
    assert ended(lab)[1] is CheckName.START
    assert (lab.config_store.standing.active, lab.starts) == (None, 1)


async def test_what_counts_is_kept_with_the_time_and_its_signer(lab: TrialLab) -> None:
    trial = await lab.begin(patience_s=10)
    lab.lines(UP)
    assert await trial.run()
    [kept] = ConfigStore(lab.folder).standing.kept
    assert (kept.number, kept.kept_at, kept.signer) == (7, NOW_S, INSTALLER.trusted.key_id)


# --- what only root can do ---


class Root(RootWork):
    """A service of root's that answers as it is told to, and remembers what it was asked, in order."""

    def __init__(self, answer: RootAnswer, confirmation: RootOutcome = RootOutcome.KEPT) -> None:
        self.asked: list[str] = []
        self.tells = [RootProgress(step=RootStep.NETWORK)]
        self._answer = answer
        self._confirmation = confirmation

    async def ask(
        self,
        number: int,
        bundle: Path,
        secrets: Mapping[str, str],
        on_progress: Callable[[RootProgress], None] = lambda _progress: None,
    ) -> RootAnswer:
        assert number == self._answer.number
        for progress in self.tells:
            on_progress(progress)
        self.asked.append("try")
        return self._answer

    async def confirm(self, number: int) -> RootAnswer:
        self.asked.append("keep")
        return RootAnswer(outcome=self._confirmation, number=number)

    async def go_back(self, number: int) -> RootAnswer:
        self.asked.append("go back")
        return RootAnswer(outcome=RootOutcome.REVERTED, number=number)


def with_root(lab: TrialLab, outcome: RootOutcome, confirmation: RootOutcome = RootOutcome.KEPT, **more: Any) -> Root:
    root = Root(RootAnswer(outcome=outcome, number=7, **more), confirmation)
    lab.context = replace(lab.context, root=root)
    return root


async def test_what_root_has_installed_is_confirmed_before_the_configuration_counts(
    lab: TrialLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = with_root(lab, RootOutcome.APPLIED)
    trial = await lab.begin(NETWORK, patience_s=10)
    keep = lab.config_store.keep

    def noted(at_s: float, checks: tuple[Check, ...]) -> None:
        root.asked.append("counts")
        keep(at_s, checks)

    monkeypatch.setattr(lab.config_store, "keep", noted)
    lab.lines(UP)
    assert await trial.run()
    assert root.asked == ["try", "keep", "counts"]
    assert lab.steps_taken[:2] == [BundleStep.CHECKING, BundleStep.NETWORK]


async def test_what_root_has_put_back_meanwhile_does_not_count(lab: TrialLab) -> None:
    root = with_root(lab, RootOutcome.APPLIED, RootOutcome.REVERTED)
    trial = await lab.begin(NETWORK, patience_s=10)
    lab.lines(UP)
    assert not await trial.run()
    assert root.asked == ["try", "keep", "go back"]
    assert ended(lab)[1] is CheckName.NETWORK
    assert lab.config_store.standing.active is None


@pytest.mark.parametrize(
    ("outcome", "code", "check"),
    [
        (RootOutcome.REFUSED, "forged", Check(name=CheckName.NETWORK, passed=False, code=CheckCode.NOT_TAKEN)),
        (RootOutcome.FAILED, "network", Check(name=CheckName.NETWORK, passed=False, code=CheckCode.NOT_INSTALLED)),
        (RootOutcome.FAILED, "not_joined", Check(name=CheckName.NETWORK, passed=False, code=CheckCode.NOT_JOINED)),
    ],
)
async def test_what_root_does_not_take_is_named(lab: TrialLab, outcome: RootOutcome, code: str, check: Check) -> None:
    with_root(lab, outcome, code=code)
    trial = await lab.begin(NETWORK, patience_s=10)
    lab.lines(UP)
    assert not await trial.run()
    assert ended(lab)[2] == (check,)


async def test_root_is_not_asked_while_somebody_calls(lab: TrialLab) -> None:
    root = with_root(lab, RootOutcome.APPLIED)
    trial = await lab.begin(NETWORK, patience_s=10)
    lab.watch.note_view(replace(QUIET, mode=Mode.IN_CALL, call=CALL, lines=(UP,)))
    running = asyncio.create_task(trial.run())
    await asyncio.sleep(0)
    assert root.asked == []
    lab.lines(UP)
    assert await running
