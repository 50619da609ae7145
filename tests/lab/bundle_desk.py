"""What a handset has for bundles, without the rest of the handset: a real card, real keys, and somebody who answers."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from firmware.base.proven_time import NAME, ProvenTime
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.loading import check_configuration
from firmware.configuration.standing import BundleSource, Candidate
from firmware.control.open_files import sealed
from firmware.phone.bundle_news import (
    AnswerBundleAddress,
    AnswerBundleSigner,
    BundleNews,
    BundleQuestion,
    GiveUpBundleCode,
    TryBundleCode,
)
from firmware.phone.view import Mode, PhoneView
from firmware.setup.bundles.context import BundleContext
from firmware.setup.bundles.identity import open_identity
from firmware.setup.bundles.intake import Intake
from firmware.setup.bundles.root_work import RootWork
from firmware.setup.bundles.steps import Steps
from firmware.setup.bundles.watch import PhoneWatch
from provisioning.report import Report
from provisioning.trust import TrustedKey
from tests.lab.bundles import FLEET, ISSUED, SERIAL, Installer

NOW_S: Final = (ISSUED + timedelta(days=1)).timestamp()
PASSWORD: Final = "a-word-that-nobody-else-has"
QUIET: Final = PhoneView(Mode.IDLE)

Answer = AnswerBundleAddress | AnswerBundleSigner | TryBundleCode | GiveUpBundleCode


def configuration_text(
    installer: Installer, *, password: str = PASSWORD, more: str = "", device: str = "desk-1"
) -> str:
    """Return a configuration that trusts an installer; without a password where it is empty."""
    line = f'password = "{password}"\n' if password else ""
    signs = ", ".join(f'"{kind}"' for kind in sorted(installer.trusted.signs))
    return f"""
[device]
id = "{device}"
fleet = "{FLEET}"
country = "CN"
[[accounts]]
username = "alice"
domain = "sip.example"
{line}
[[trust.keys]]
public = "{installer.trusted.public}"
signs = [{signs}]
{more}"""


def candidate(number: int, **changes: Any) -> Candidate:
    """Return what is to be tried of a bundle with this number; keywords change it."""
    values = {"number": number, "digest": f"{number:064x}", "offer": f"{number:032x}", "source": BundleSource.STICK}
    return Candidate.model_validate(values | changes)


@dataclass
class DeskLab:
    """A handset's card and what takes bundles in.

    Attributes:
        folder: the card.
        installed: the configuration that counts, as text; none where empty.
        answers: what somebody says to each question, in turn; nobody says anything once there are no more.
        news: what the phone has heard.
        starts: how often the handset was to start anew.
        now_s: what its clock shows.
        synced: whether a time service keeps that right.
        site_keys: who may sign its first bundle, where somebody has put that on its card.
    """

    folder: Path
    installed: str = ""
    answers: list[Answer] = field(default_factory=list)
    news: list[BundleNews] = field(default_factory=list)
    starts: int = 0
    now_s: float = NOW_S
    synced: bool = True
    site_keys: tuple[TrustedKey, ...] = ()

    def __post_init__(self) -> None:
        self.config_store = ConfigStore(self.folder)
        self.watch = PhoneWatch()
        self.watch.note_view(QUIET)
        self.steps = Steps(self.hear)
        self.root = RootWork(self.folder / "nobody-listens")
        self.identity = open_identity(self.config_store.folder, SERIAL)
        self.context = BundleContext(
            config_store=self.config_store,
            identity=self.identity,
            firmware=lambda: "1.0",
            watch=self.watch,
            steps=self.steps,
            post=self.hear,
            root=self.root,
            start_anew=self._start_anew,
            now_s=lambda: self.now_s,
            proven_time=ProvenTime(self.config_store.folder / NAME, lambda: self.now_s, lambda: self.synced, 0),
            site_keys=self.site_keys,
        )
        self._started = asyncio.Event()
        self._heard = asyncio.Event()
        self.intake = Intake(self.context, check_configuration(self.installed) if self.installed else None)

    def hear(self, news: BundleNews) -> None:
        """Take what the phone is told, and answer what is asked."""
        self.news.append(news)
        self._heard.set()
        if isinstance(news, BundleQuestion) and self.answers:
            answer = self.answers.pop(0)
            asyncio.get_running_loop().call_soon(
                lambda: asyncio.ensure_future(self.intake.handlers[type(answer)](answer))
            )

    async def offer(self, bundle: bytes, source: BundleSource = BundleSource.STICK) -> str:
        """Bring a bundle, and return what it is called."""
        if source is BundleSource.STICK:
            await self.intake.begin(len(bundle))
        with sealed(bundle) as file:
            return await self.intake.bring(source, file)

    async def refused(self, bundle: bytes, source: BundleSource = BundleSource.STICK) -> Report:
        """Bring a bundle that is not tried, and return the report."""
        return await self.report(await self.offer(bundle, source))

    async def report(self, offer: str) -> Report:
        """Wait until it is known what became of a bundle that is not tried."""
        async with asyncio.timeout(10):
            after = -1
            while (progress := await self.intake.follow(offer, after, 5)).report is None:
                after = progress.count
        assert progress.report is not None
        return progress.report

    async def staged(self, bundle: bytes, source: BundleSource = BundleSource.STICK) -> Candidate:
        """Bring a bundle and wait until the handset starts anew to try it."""
        await self.offer(bundle, source)
        await self.wait_for_start()
        trial = self.config_store.standing.trial
        assert trial is not None
        return trial

    async def wait_for_start(self) -> None:
        """Wait until the handset starts anew."""
        async with asyncio.timeout(10):
            await self._started.wait()
        self._started.clear()

    def _start_anew(self) -> None:
        self.starts += 1
        self._started.set()

    async def hears(self, news: BundleNews) -> None:
        """Wait until the phone is told something."""
        async with asyncio.timeout(10):
            while news not in self.news:
                self._heard.clear()
                await self._heard.wait()
