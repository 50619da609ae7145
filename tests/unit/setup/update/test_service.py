"""Updates in a run of the handset, with root's service on its real socket: when they come, and how they end."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from contract.calls import CallDirection
from contract.results import BundleResult, OutcomeCode
from firmware.base.errors import BundleError, StorageError
from firmware.base.proven_time import Now
from firmware.control.open_files import sealed
from firmware.phone.bundle_news import BundleEnded, BundleNews, BundleStep, BundleStepStarted
from firmware.phone.call import CallerId, CallState
from firmware.phone.updates import PostponeUpdate, PutOffRestart, UpdateKind, UpdateNow, UpdateStage, UpdateTold
from firmware.phone.view import CallView, Mode, PhoneView
from firmware.setup.bundles.watch import PhoneWatch
from firmware.setup.root.update.messages import UpdateRequest, UpdateWish
from firmware.setup.update.context import Pace, UpdateContext
from firmware.setup.update.idle_hours import IdleHours
from firmware.setup.update.judge import USUAL, Facts
from firmware.setup.update.memory import UpdateStore
from firmware.setup.update.root_updates import RootUpdates
from firmware.setup.update.service import UpdateService
from provisioning.updates import Updates
from tests.lab.patience import wait_until
from tests.lab.root_of_updates import NEXT, RUNS, RootOfUpdates

pytestmark = pytest.mark.feature("updates by stick and network")

INSTALL, START_TRIAL, WORKS, FAILS = UpdateWish.INSTALL, UpdateWish.START_TRIAL, UpdateWish.WORKS, UpdateWish.FAILS
DEVICE = "desk-1"
NOON = datetime(2026, 11, 25, 12).timestamp()  # noqa: DTZ001 - idle hours go by local time
NIGHT = datetime(2026, 11, 26, 4, 30).timestamp()  # noqa: DTZ001
DAY_S = 86_400
DOCUMENT = b"signed by the operator"
DIGEST = hashlib.sha256(DOCUMENT).hexdigest()
QUIET = PhoneView(Mode.IDLE)
CALL = CallView(CallState.ACTIVE, CallDirection.OUTGOING, CallerId("1"))
IN_CALL = PhoneView(Mode.IN_CALL, off_hook=True, call=CALL)


@dataclass(frozen=True)
class Content:
    """What a document says that was verified."""

    version: str = NEXT
    kind: str = "feature"
    not_before: datetime = datetime(2026, 11, 25, 1, tzinfo=UTC)
    release_keys: str = ""


@dataclass
class Site:
    """A handset around the service; time passes as fast as somebody sleeps.

    Attributes:
        now_s: what the clock shows.
        uptime_s: seconds since the machine started.
        facts: how the handset is.
        news: what the phone has heard.
        outcomes: what the operator was told.
    """

    folder: Path
    root: RootOfUpdates
    now_s: float = NOON
    uptime_s: float = 10_000
    synced: bool = True
    is_free: bool = True
    facts: Facts = USUAL
    has_store: bool = True
    news: list[UpdateTold | BundleNews] = field(default_factory=list)
    outcomes: list[tuple[str, OutcomeCode]] = field(default_factory=list)
    when_sleeping: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.watch = PhoneWatch()
        self.watch.note_view(QUIET)
        self._changed = asyncio.Event()
        self.make()

    def make(self) -> None:
        """Make a service, as the next run of the handset does."""
        self.context = UpdateContext(
            settings=Updates(),
            device=DEVICE,
            watch=self.watch,
            is_free=lambda: self.is_free,
            facts=lambda: self.facts,
            now=lambda: Now(self.now_s, self.synced),
            uptime_s=lambda: self.uptime_s,
            day=lambda at_s: f"day {round(at_s - NOON) // DAY_S}",
            post=self._hear,
            tell_operator=self._tell_operator,
            sleep=self._sleep,
            pace=Pace(look_s=0.01),
        )
        self.service = UpdateService(
            self.context,
            RootUpdates(self.root.folder / "update.sock", self.root.folder / "state.json"),
            UpdateStore(self.folder),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.service.start()
        try:
            yield
        finally:
            await self.service.stop()

    @asynccontextmanager
    async def announced(self, **changes: Any) -> AsyncIterator[None]:
        """Run, with an update announced."""
        async with self.running():
            await announce(self, **changes)
            yield

    async def reach(self, reached: Callable[[], object]) -> None:
        """Wait for something that comes from root's thread, from the disk or from here."""
        await asyncio.to_thread(wait_until, reached)

    async def stays(self, *wishes: UpdateWish) -> None:
        """Let it look some times, and see that nothing else is asked of root."""
        await asyncio.sleep(0.1)
        assert self.root.wishes == list(wishes)

    @property
    def told(self) -> UpdateTold:
        return self.service.told

    @property
    def ended(self) -> list[BundleEnded]:
        return [news for news in self.news if isinstance(news, BundleEnded)]

    def _hear(self, news: UpdateTold | BundleNews) -> None:
        self.news.append(news)

    async def _tell_operator(self, digest: str, code: OutcomeCode) -> None:
        if not self.has_store:
            raise StorageError("it is shut")
        self.outcomes.append((digest, code))

    async def _sleep(self, seconds: float) -> None:
        self.uptime_s += seconds
        self.now_s += seconds
        self.when_sleeping()
        await asyncio.sleep(0)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[RootOfUpdates]:
    with RootOfUpdates(tmp_path / "u") as root:
        yield root


@pytest.fixture
async def site(tmp_path: Path, root: RootOfUpdates) -> Site:
    return Site(tmp_path / "state", root)


async def announce(site: Site, document: bytes = DOCUMENT, **changes: Any) -> OutcomeCode:
    return await site.service.announced(document, None, replace(Content(), **changes))


# --- over the network -------------------------------------------------------------------------------------------------


async def test_what_is_announced_waits_for_the_idle_hours_and_is_then_installed_tried_and_kept(site: Site) -> None:
    async with site.announced():
        await site.reach(lambda: site.told.stage is UpdateStage.WAITING)
        assert (site.told.version, site.told.kind, site.told.comes_tonight) == (NEXT, UpdateKind.FEATURE, True)
        await site.stays()
        site.now_s = NIGHT
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])
        stages = [news.stage for news in site.news if isinstance(news, UpdateTold)]
        assert UpdateStage.INSTALLING in stages
        left = [news.restarts_in_s for news in site.news if isinstance(news, UpdateTold) and news.restarts_in_s]
        assert left == list(range(60, 0, -1)), "the display says so for a minute"
        assert site.outcomes == [(DIGEST, OutcomeCode.INSTALLED)]
    # The machine restarts, and another run of the handset judges.
    site.root.restart(works=True)
    site.uptime_s = 30
    site.make()
    async with site.running():
        await site.reach(lambda: site.outcomes[-1] == (DIGEST, OutcomeCode.APPLIED))
        assert site.uptime_s >= 150
        assert site.root.wishes == [INSTALL, START_TRIAL, WORKS]
        assert (site.told.stage, site.told.code) == (UpdateStage.ENDED, OutcomeCode.APPLIED)


async def test_what_went_back_is_told_once_and_shown(site: Site) -> None:
    site.now_s = NIGHT
    async with site.announced(kind="security"):
        await site.reach(lambda: START_TRIAL in site.root.wishes)
    site.root.restart(works=False)
    for _ in range(2):
        site.make()
        async with site.running():
            await site.reach(lambda: site.told.stage is UpdateStage.ENDED)
            assert site.told.code is OutcomeCode.WENT_BACK
            assert site.told.is_worth_a_word
    assert site.outcomes == [(DIGEST, OutcomeCode.INSTALLED), (DIGEST, OutcomeCode.WENT_BACK)]


async def test_a_trial_that_a_power_cut_ended_comes_again_by_itself_in_idle_hours(site: Site) -> None:
    site.now_s = NIGHT
    async with site.announced():
        await site.reach(lambda: START_TRIAL in site.root.wishes)
    site.uptime_s = 20
    site.now_s = NOON + DAY_S
    site.make()
    async with site.running():
        await site.stays(INSTALL, START_TRIAL)
        site.now_s = NIGHT + DAY_S
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL, START_TRIAL])


async def test_a_document_is_known_after_a_restart_and_waits_once(site: Site) -> None:
    async with site.running():
        await announce(site)
    site.make()
    async with site.announced():
        await site.reach(lambda: site.told.stage is UpdateStage.WAITING)
    assert UpdateStore(site.folder).memory.waiting is not None


@pytest.mark.parametrize(
    "busy",
    [IN_CALL, PhoneView(Mode.IDLE, off_hook=True), PhoneView(Mode.RINGING), PhoneView(Mode.COLLECTING_DIGITS)],
)
async def test_nothing_is_installed_while_somebody_calls(site: Site, busy: PhoneView) -> None:
    site.now_s = NIGHT
    site.watch.note_view(busy)
    async with site.announced():
        await site.stays()
        site.watch.note_view(QUIET)
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])


@pytest.mark.parametrize("busy", [IN_CALL, PhoneView(Mode.MENU), PhoneView(Mode.WRITING), PhoneView(Mode.LISTENING)])
async def test_the_phone_does_not_restart_while_somebody_uses_it(site: Site, busy: PhoneView) -> None:
    site.now_s = NIGHT

    def use(request: UpdateRequest) -> None:
        if request.wish is INSTALL:
            loop.call_soon_threadsafe(site.watch.note_view, busy)

    loop = asyncio.get_running_loop()
    site.root.when_asked = use
    async with site.announced():
        await site.reach(lambda: site.root.wishes == [INSTALL])
        await site.stays(INSTALL)
        site.watch.note_view(QUIET)
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])


async def test_the_phone_does_not_restart_while_a_bundle_is_under_way(site: Site) -> None:
    site.now_s, site.is_free = NIGHT, False
    async with site.announced():
        await site.reach(lambda: site.root.wishes == [INSTALL])
        await site.stays(INSTALL)


@pytest.mark.parametrize("by", ["key", "handset"])
async def test_whoever_touches_the_phone_in_the_last_minute_puts_the_restart_off(site: Site, by: str) -> None:
    site.now_s = NIGHT
    touched = False
    touches: list[asyncio.Future[object]] = []

    def touch() -> None:
        nonlocal touched
        if site.told.restarts_in_s == 5 and not touched:
            touched = True
            if by == "handset":
                site.watch.note_view(replace(QUIET, off_hook=True))
            else:
                touches.append(asyncio.ensure_future(site.service.handlers[PutOffRestart](PutOffRestart())))

    site.when_sleeping = touch
    async with site.announced():
        await site.reach(lambda: touched and site.told.stage is UpdateStage.INSTALLED)
        site.watch.note_view(QUIET)
        await site.stays(INSTALL)
        # Half an hour later it is still idle.
        site.uptime_s += 1800
        site.now_s = NIGHT
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])


async def test_a_clock_that_nobody_keeps_right_brings_nothing_by_network(site: Site) -> None:
    site.now_s, site.synced = NIGHT, False
    async with site.announced():
        await site.stays()
        site.synced = True
        await site.reach(lambda: INSTALL in site.root.wishes)


async def test_nothing_comes_before_the_day_that_the_operator_said(site: Site) -> None:
    site.now_s = NIGHT
    async with site.announced(not_before=datetime.fromtimestamp(NIGHT + DAY_S - 60, UTC)):
        await site.stays()
        assert not site.told.comes_tonight
        site.now_s = NIGHT + DAY_S
        await site.reach(lambda: INSTALL in site.root.wishes)


@pytest.mark.parametrize(("kind", "days"), [("feature", 30), ("security", 7)])
async def test_the_holder_puts_an_update_off_for_so_many_days_and_no_longer(site: Site, kind: str, days: int) -> None:
    async with site.announced(kind=kind):
        await site.service.handlers[PostponeUpdate](PostponeUpdate())
        await site.reach(lambda: site.told.is_put_off)
        assert site.told.until == f"day {days}"
        await site.reach(lambda: site.outcomes == [(DIGEST, OutcomeCode.POSTPONED)])
        for day in (0, days - 2):
            site.now_s = NIGHT + day * DAY_S
            await site.stays()
        site.now_s = NIGHT + days * DAY_S
        with pytest.raises(BundleError):
            await site.service.postpone()
        await site.reach(lambda: INSTALL in site.root.wishes)


async def test_a_security_update_comes_while_the_holder_puts_features_off(site: Site) -> None:
    async with site.announced():
        await site.service.postpone()
        await announce(site, b"another", version="0.3.1", kind="security")
        site.now_s = NIGHT
        await site.reach(lambda: INSTALL in site.root.wishes)


async def test_the_holder_has_it_at_once(site: Site) -> None:
    async with site.announced():
        await site.service.postpone()
        await site.stays()
        await site.service.handlers[UpdateNow](UpdateNow())
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])


async def test_nothing_waits_that_could_be_put_off_or_come_now(site: Site) -> None:
    for ask in (site.service.postpone, site.service.come_now):
        with pytest.raises(BundleError, match="No update waits"):
            await ask()


@pytest.mark.parametrize("code", [OutcomeCode.KEY_REVOKED, OutcomeCode.BELOW_FLOOR, OutcomeCode.WRONG_HASH])
async def test_what_root_refuses_for_good_waits_no_longer(site: Site, code: OutcomeCode) -> None:
    site.now_s, site.root.refusals[INSTALL] = NIGHT, code
    async with site.announced():
        await site.reach(lambda: site.outcomes == [(DIGEST, code)])
        await site.reach(lambda: (site.told.stage, site.told.code) == (UpdateStage.ENDED, code))
        site.uptime_s += 4000
        await site.stays(INSTALL)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        *((code, code) for code in (OutcomeCode.UNREACHABLE, OutcomeCode.STALLED, OutcomeCode.NO_SPACE)),
        # Calls have held it up, and not the holder.
        (OutcomeCode.POSTPONED, OutcomeCode.STALLED),
    ],
)
async def test_what_may_be_otherwise_later_is_tried_again_and_told_once(
    site: Site, code: OutcomeCode, told: OutcomeCode
) -> None:
    site.now_s, site.root.refusals[INSTALL] = NIGHT, code
    async with site.announced():
        await site.reach(lambda: site.told.code is told)
        assert site.told.stage is UpdateStage.WAITING
        await site.stays(INSTALL)
        site.uptime_s += 1800
        await site.reach(lambda: site.root.wishes == [INSTALL, INSTALL])
        await site.stays(INSTALL, INSTALL)
        del site.root.refusals[INSTALL]
        site.uptime_s += 1800
        await site.reach(lambda: START_TRIAL in site.root.wishes)
        assert [each for _, each in site.outcomes].count(OutcomeCode.INSTALLED) == 1


async def test_what_root_does_not_try_is_told_once_and_asked_again_half_an_hour_later(site: Site) -> None:
    site.now_s, site.root.refusals[START_TRIAL] = NIGHT, OutcomeCode.FAILED
    async with site.announced():
        await site.reach(lambda: (DIGEST, OutcomeCode.FAILED) in site.outcomes)
        assert site.told.stage is UpdateStage.INSTALLED
        await site.stays(INSTALL, START_TRIAL)
        site.uptime_s += 1800
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL, START_TRIAL])
        await site.stays(INSTALL, START_TRIAL, START_TRIAL)
        assert [each for _, each in site.outcomes] == [OutcomeCode.INSTALLED, OutcomeCode.FAILED]


async def test_what_is_announced_later_replaces_what_lies_there_untried(site: Site) -> None:
    site.root.write(installed="0.2.5")
    async with site.announced():
        await site.reach(lambda: site.told.stage is UpdateStage.INSTALLED)
        await site.service.postpone()
        site.now_s = NIGHT
        await site.stays()
        await site.service.come_now()
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])


async def test_of_the_version_that_runs_the_operator_hears_that_it_works(site: Site) -> None:
    site.root.write(version=NEXT)
    site.now_s = NIGHT
    async with site.running():
        assert await announce(site) is OutcomeCode.APPLIED
        await site.stays()


async def test_the_operator_is_told_once_the_store_opens(site: Site) -> None:
    site.now_s, site.has_store = NIGHT, False
    async with site.announced():
        await site.reach(lambda: START_TRIAL in site.root.wishes)
        assert site.outcomes == []
        site.root.restart(works=False)
        await site.reach(lambda: site.told.stage is UpdateStage.ENDED)
        assert await announce(site) is OutcomeCode.TAKEN, "what is yet to be told is told in its order"
    site.has_store = True
    site.make()
    async with site.running():
        await site.reach(lambda: len(site.outcomes) == 2)
    assert site.outcomes == [(DIGEST, OutcomeCode.INSTALLED), (DIGEST, OutcomeCode.WENT_BACK)]


async def test_keys_that_are_taken_back_are_handed_to_root_at_once(site: Site) -> None:
    async with site.announced(release_keys="YSBsaXN0"):
        await site.reach(lambda: site.root.wishes == [UpdateWish.RELEASE_KEYS])
    assert site.root.asked[0].release_keys == "YSBsaXN0"


async def test_keys_that_are_taken_back_are_handed_to_root_once_it_has_time(site: Site) -> None:
    site.root.refusals[UpdateWish.RELEASE_KEYS] = OutcomeCode.BUSY
    async with site.announced(release_keys="YSBsaXN0"):
        await site.reach(lambda: len(site.root.asked) > 1)
        del site.root.refusals[UpdateWish.RELEASE_KEYS]
        asked = len(site.root.asked)
        await site.reach(lambda: len(site.root.asked) > asked)
        asked = len(site.root.asked)
        await asyncio.sleep(0.1)
        assert len(site.root.asked) == asked


async def test_keys_that_are_taken_back_are_handed_to_root_by_the_run_after_a_power_cut(site: Site) -> None:
    await announce(site, release_keys="YSBsaXN0")
    site.make()
    async with site.announced(release_keys="YSBsaXN0"):
        await site.reach(lambda: site.root.wishes == [UpdateWish.RELEASE_KEYS])


async def test_what_went_back_does_not_wait_again_because_it_is_announced_again(site: Site) -> None:
    site.now_s, site.root.refusals[INSTALL] = NIGHT, OutcomeCode.KEY_REVOKED
    async with site.announced():
        await site.reach(lambda: site.told.stage is UpdateStage.ENDED)
        assert await announce(site) is OutcomeCode.KEY_REVOKED
        await site.stays(INSTALL)
    assert site.outcomes == [(DIGEST, OutcomeCode.KEY_REVOKED)]


@pytest.mark.parametrize(("how", "code"), [("package", OutcomeCode.BY_PACKAGE), ("other", OutcomeCode.FAILED)])
async def test_a_phone_without_a_card_says_who_updates_it(site: Site, how: str, code: OutcomeCode) -> None:
    site.root.write(how=how)
    async with site.running():
        for _ in range(2):
            assert await announce(site) is code
        await site.reach(lambda: site.told.runs == RUNS)
        assert site.told.by_package == (how == "package")
        await site.stays()


# --- the trial --------------------------------------------------------------------------------------------------------


async def test_what_stood_before_the_restart_is_written_down_before_root_is_asked(site: Site) -> None:
    site.now_s, site.facts = NIGHT, USUAL.model_copy(update={"lines": 2})
    seen: list[Facts] = []
    site.root.when_asked = lambda request: (
        seen.append(UpdateStore(site.folder).before_trial()) if request.wish is START_TRIAL else None
    )
    async with site.announced():
        await site.reach(lambda: seen)
    assert seen == [site.facts]


async def on_trial(site: Site, before: Facts, now: Facts) -> None:
    UpdateStore(site.folder).keep_before_trial(before)
    site.root.write(version=NEXT, on_trial=True)
    site.uptime_s, site.facts = 30, now
    site.make()


async def test_a_version_that_registers_no_line_is_said_to_fail_after_eight_minutes(site: Site) -> None:
    await on_trial(site, USUAL, USUAL.model_copy(update={"lines": 0}))
    async with site.running():
        await site.reach(lambda: site.root.wishes)
        assert site.root.wishes[0] is FAILS
        assert site.uptime_s >= 480


async def test_of_a_version_that_fails_the_operator_hears_that_it_went_back_and_nothing_before(site: Site) -> None:
    site.now_s = NIGHT
    async with site.announced():
        await site.reach(lambda: START_TRIAL in site.root.wishes)
    site.root.write(version=NEXT, installed="", on_trial=True, last=OutcomeCode.INSTALLED, last_version=NEXT)
    site.uptime_s, site.facts = 30, USUAL.model_copy(update={"lines": 0})
    site.make()
    async with site.running():
        await site.reach(lambda: site.root.wishes.count(FAILS) > 1)
        assert [each for _, each in site.outcomes] == [OutcomeCode.INSTALLED]
    site.root.write(version=RUNS, on_trial=False, last=OutcomeCode.WENT_BACK, last_version=NEXT)
    site.make()
    async with site.running():
        await site.reach(lambda: site.outcomes[-1] == (DIGEST, OutcomeCode.WENT_BACK))


async def test_a_phone_that_was_offline_before_keeps_a_version_without_a_line(site: Site) -> None:
    offline = USUAL.model_copy(update={"lines": 0})
    await on_trial(site, offline, offline)
    async with site.running():
        await site.reach(lambda: site.root.wishes == [WORKS])


async def test_a_call_is_not_cut_off_because_the_version_does_not_work(site: Site) -> None:
    await on_trial(site, USUAL, USUAL.model_copy(update={"display": False}))
    site.watch.note_view(IN_CALL)
    async with site.running():
        await site.reach(lambda: site.uptime_s > 600)
        assert site.root.wishes == []
        site.watch.note_view(QUIET)
        await site.reach(lambda: site.root.wishes[:1] == [FAILS])


async def test_a_new_phone_that_asks_its_first_holder_restarts_all_the_same(site: Site) -> None:
    site.now_s = NIGHT
    site.watch.note_view(PhoneView(Mode.MENU))
    async with site.announced():
        await site.reach(lambda: INSTALL in site.root.wishes)
        await site.stays(INSTALL)
        site.watch.note_view(PhoneView(Mode.MENU, asks_by_itself=True))
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])


# --- by stick ---------------------------------------------------------------------------------------------------------


async def bring(site: Site, file: BinaryIO | None = None) -> UpdateTold:
    with file or sealed(b"an update") as update:
        return await site.service.bring(update, b"a proof", b"a list")


async def test_a_stick_s_update_is_installed_by_day_and_tried_once_the_report_is_on_the_stick(site: Site) -> None:
    async with site.running():
        told = await bring(site)
        assert (told.code, told.version) == (OutcomeCode.INSTALLED, NEXT)
        assert site.root.brought == [b"an update"]
        assert (site.root.asked[0].proof, site.root.asked[0].message) == ("a proof", "")
        assert BundleStepStarted(BundleStep.UPDATE, 50) in site.news
        assert site.ended == [BundleEnded(BundleResult.APPLIED, OutcomeCode.INSTALLED, is_update=True, version=NEXT)]
        await site.stays(INSTALL)
        site.watch.note_view(PhoneView(Mode.MENU, menu_is_public=True))
        site.service.stick_reported()
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])
    site.root.restart(works=True)
    site.uptime_s = 30
    site.make()
    async with site.running():
        # The stick was left in, and is read once more while the version is judged.
        again = await bring(site)
        assert (again.code, again.version) == (OutcomeCode.APPLIED, NEXT)
        await site.reach(lambda: len(site.ended) == 2)
        assert site.ended[1] == BundleEnded(BundleResult.APPLIED, OutcomeCode.APPLIED, is_update=True, version=NEXT)
    assert site.outcomes == [], "of a stick nobody far away is told"


async def test_a_power_cut_before_the_restart_costs_no_second_visit(site: Site) -> None:
    async with site.running():
        await bring(site)
    site.make()
    async with site.running():
        await site.reach(lambda: site.root.wishes == [INSTALL, START_TRIAL])


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (OutcomeCode.NOT_FOR_THIS, BundleResult.REFUSED),
        (OutcomeCode.DAMAGED, BundleResult.REFUSED),
        (OutcomeCode.NOT_NEWER, BundleResult.NOTHING_TO_DO),
    ],
)
async def test_why_a_stick_s_update_is_refused_is_on_the_display(
    site: Site, code: OutcomeCode, result: BundleResult
) -> None:
    site.root.refusals[INSTALL] = code
    async with site.running():
        assert (await bring(site)).code is code
        assert site.ended == [BundleEnded(result, code, is_update=True)]
        await site.stays(INSTALL)


async def test_a_machine_without_root_s_service_takes_no_update(site: Site, tmp_path: Path) -> None:
    site.service = UpdateService(
        site.context,
        RootUpdates(tmp_path / "nobody", tmp_path / "nothing"),
        UpdateStore(tmp_path),
    )
    async with site.running():
        assert (await site.service.bring(io.BytesIO(b""), b"", b"")).code is OutcomeCode.BY_PACKAGE
        assert await announce(site) is OutcomeCode.FAILED
        assert site.root.wishes == []


def test_the_night_of_these_tests_is_idle_for_their_phone() -> None:
    hours = IdleHours.of(Updates(), DEVICE)
    assert hours.are_at(NIGHT)
    assert not hours.are_at(NOON)
