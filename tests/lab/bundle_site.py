"""A site that is in use and whose handset an installer sets up: registrar, broker, handset, and a stick."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from contract.results import BundleResult, CheckName
from firmware.base.errors import ControlError
from firmware.control.admin_requests import ConfigHistoryRequest
from firmware.control.client import ask_async
from firmware.control.open_files import sealed
from firmware.control.requests import Role
from firmware.control.stick_answers import BundleFollowed
from firmware.control.stick_client import HandsetLink
from firmware.phone.bundle_news import BundleStep
from provisioning.bundle import key_words
from provisioning.identity import Identity
from provisioning.report import Check, Report
from provisioning.sealing import CodeCost, seal_to_code, seal_to_device
from tests.lab.bundles import Installer
from tests.lab.display_reader import says
from tests.lab.handset import Handset
from tests.lab.patience import PATIENCE_S
from tests.lab.person import Person
from tests.lab.stage import DEVICE, FLEET, HANDSET_USER, Choices, Stage

INSTALLER: Final = Installer()
CODE: Final = "4711047110"
_PATIENCE_S: Final = 60.0
"""A handset that starts anew has two starts of a process behind it, on a machine that has other things to do."""
LINE: Final = Check(name=CheckName.LINES, passed=True, line=1)
BROKER: Final = Check(name=CheckName.BROKER, passed=True)
SOUND: Final = (Check(name=CheckName.SOUND, passed=True), Check(name=CheckName.MICROPHONE, passed=True))


class BundleSite:
    """What the installer has of a site whose handset somebody has taken into use, and nobody has set up."""

    def __init__(self, folder: Path) -> None:
        quick = {"sync": {"retry_base_s": 0.1, "retry_cap_s": 1}}
        self.stage = Stage(folder, Choices(extra=quick, transport="tcp", srtp="preferred"))
        self.handset = self.stage.handset
        self._text = self.handset.configuration or ""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stage.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.stop()

    def start(self) -> None:
        self.stage.start(handset=False)
        # With a configuration, for the store to be that of somebody who has chosen.
        self.handset.prepare()
        self.handset.configuration = None
        self.handset.start()

    def bundle(
        self,
        number: int,
        identity: Identity,
        more: Mapping[str, bytes] = MappingProxyType({}),
        serials: tuple[str, ...] = (),
        /,
        *,
        password: str = "",
        code: str = "",
        **changes: str,
    ) -> bytes:
        """Make a bundle for a handset, with its password sealed to its key, or to a code; `changes` replace words.

        `more` are files that it brings beside its configuration; `serials` are in its manifest.
        """
        text = self.text_for(INSTALLER.trusted.public)
        for old, new in changes.items():
            text = text.replace(old, new)
        secrets = {"sip-password": password or self.password}
        if code:
            sealed = {"sealed/code": seal_to_code(secrets, code, CodeCost(memory_kib=1024, passes=1))}
        else:
            blob = seal_to_device(secrets, identity.public_bytes, serial=identity.serial)
            sealed = {f"sealed/{identity.serial}": blob}
        contents = {
            "config.toml": text.encode(),
            "certificates/ca.pem": self.stage.authority.ca_path.read_bytes(),
            "certificates/broker.pem": self.certificate_for(identity),
            **sealed,
            **more,
        }
        now = datetime.now(UTC)
        times = {"issued_at": now - timedelta(hours=1), "not_after": now + timedelta(days=1)}
        return INSTALLER.bundle(contents, number, fleet=FLEET, serials=serials, **times)

    @property
    def password(self) -> str:
        """The account's."""
        return self.stage.password_of[HANDSET_USER]

    def text_for(self, signer: str) -> str:
        """Return the configuration as it stands in a bundle: without the password, and with whom it trusts."""
        ca = str(self.stage.authority.ca_path)
        text = self._text.replace(f'password = "{self.password}"\n', "").replace(ca, "certificates/ca.pem")
        lines = [line for line in text.splitlines() if not line.startswith(("certificate =", "key ="))]
        lines.insert(lines.index("[sync]") + 1, 'certificate = "certificates/broker.pem"')
        return "\n".join([*lines, "[[trust.keys]]", f'public = "{signer}"', 'signs = ["bundle"]', ""])

    def without_broker(self, signer: str) -> str:
        """Return it without a broker, which would be one process more for each of many handsets."""
        return re.sub(r"\n\[sync\][^\[]*", "\n", self.text_for(signer))

    def certificate_for(self, identity: Identity) -> bytes:
        """Return what answers a handset's request: its certificate for the broker."""
        return self.stage.authority.answer(identity.certificate_request, DEVICE)


class Stick:
    """Whoever reads a stick: hands bundles over and follows what becomes of them, over starts of the handset."""

    def __init__(self, handset: Handset) -> None:
        self._link = HandsetLink(handset.folder / "run")
        self.steps: list[BundleStep] = []

    async def identity(self) -> Identity:
        return await self._link.identity()

    async def bring(self, bundle: bytes) -> str:
        self.steps.clear()
        await self._link.begin(len(bundle))
        with sealed(bundle) as file:
            return await self._link.bring(file)

    async def report(self, offer: str, timeout_s: float = _PATIENCE_S) -> Report:
        """Follow until it is known what became of a bundle."""
        report = (await self._follow(offer, lambda news: news.report is not None, timeout_s)).report
        assert report is not None
        return report

    async def reaches(self, offer: str, step: BundleStep) -> None:
        await self._follow(offer, lambda news: news.step is step, _PATIENCE_S)

    async def _follow(self, offer: str, reached: Callable[[BundleFollowed], bool], timeout_s: float) -> BundleFollowed:
        count, ends_at = 0, time.monotonic() + timeout_s
        while True:
            assert time.monotonic() < ends_at, f"not reached in {timeout_s:g} s, but: {self.steps}"
            try:
                news = await self._link.follow(offer, count, 1)
            except ControlError:
                # It starts anew.
                await asyncio.sleep(0.05)
                continue
            count = news.count
            if not self.steps or self.steps[-1] is not news.step:
                self.steps.append(news.step)
            if reached(news):
                return news


@asynccontextmanager
async def somebody_at(handset: Handset) -> AsyncIterator[Person]:
    """Somebody at the handset's page, which is another one after each start."""
    for _ in range(200):
        try:
            async with Person(handset) as person:
                yield person
                return
        except OSError:
            await asyncio.sleep(0.05)


async def history_once(handset: Handset, reached: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
    """Wait until `wecall config history` tells something, over starts of the handset."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            try:
                history = await ask_async(handset.folder / "run", Role.ADMIN, ConfigHistoryRequest())
            except ControlError:
                history = {}
            if history and reached(history):
                return history
            await asyncio.sleep(0.05)


async def set_up_first(site: BundleSite, stick: Stick) -> Identity:
    """Set a new handset up by the first bundle, and return who it is."""
    identity = await stick.identity()
    async with somebody_at(site.handset) as person:
        offer = await stick.bring(site.bundle(1, identity, code=CODE))
        await person.reads("On the sheet?")
        await person.reads_the_beginning_of(" ".join(key_words(INSTALLER.public)))
        await person.press("ok")
        of_label = f"of 10: label {identity.serial[-4:]}"
        await person.reads(f"0 {of_label}")
        await person.dial(CODE)
        await person.reads(f"10 {of_label}")
        await person.press("ok")
        # A handset that goes on at once has closed the page before it could show what comes next.
        await person.wait_until(lambda page: page.is_closed or not says(page.frame, of_label), PATIENCE_S)
    report = await stick.report(offer)
    assert (report.result, report.checks) == (BundleResult.APPLIED, (LINE, BROKER, *SOUND))
    return identity
