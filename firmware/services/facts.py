"""Errands that ask for facts about the handset: its network, itself, whose work it is, and what does not work."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from firmware.base.words import Text, word
from firmware.phone.requests.handset import Facts, FactsKind, ReadFacts
from firmware.services.doctor.findings import STOLEN_CARD, Condition, Finding, examine
from firmware.services.egress_facts import egress_facts
from firmware.services.network import network_facts
from firmware.services.runner import Handlers
from firmware.settings.phone import Identity
from provisioning.serial import serial

_DISTRIBUTION: Final = "wecall-handset"
_MEGA: Final = 1_000_000
_GIGA: Final = 1_000_000_000
_LICENCE_LENGTH: Final = 40
_UNKNOWN: Final = word("unknown")

_PARTS: Final[Mapping[str, Text]] = {
    "config": word("Configuration"),
    "files": word("Files"),
    "bundle": word("Set-up"),
    "registrar": word("Line"),
    "sip build": word("SIP library"),
    "audio": word("Sound"),
    "ringer": word("Ringer"),
    "keypad": word("Keypad"),
    "hook switch": word("Hook switch"),
    "display": word("Display"),
    "indicator": word("Indicator"),
    "store": word("Memory"),
    "consents": word("Consents"),
    "broker": word("Call data"),
    "clock": word("Clock"),
    "speech": word("Spoken menus"),
    "recordings": word("Recordings"),
    "self-test": word("Self-test"),
}


class FactsErrands:
    """Reads facts, each time anew."""

    def __init__(
        self,
        identity: Identity,
        state_dir: Path,
        condition: Callable[[], Awaitable[Condition]],
        set_up: Callable[[], Facts] = tuple,
    ) -> None:
        """Set up.

        Args:
            identity: which handset this is.
            state_dir: where the store is.
            condition: tells what the handset knows about its own parts.
            set_up: tells which bundle has set it up; may wait for the card.
        """
        self._identity = identity
        self._state_dir = state_dir
        self._condition = condition
        self._set_up = set_up
        self._started_s = time.monotonic()

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {ReadFacts: self._read}

    async def _read(self, request: ReadFacts) -> Facts:
        match request.kind:
            case FactsKind.NETWORK:
                return network_facts((await self._condition()).network, self._identity.servers)
            case FactsKind.ABOUT:
                condition = await self._condition()
                return await asyncio.to_thread(self._about, condition.sip_build or "")
            case FactsKind.LICENCES:
                return await asyncio.to_thread(licence_facts)
            case FactsKind.DIAGNOSTICS:
                return _diagnoses(await self._condition())
            case FactsKind.EGRESS:
                return egress_facts()
            case FactsKind.SET_UP:
                return await asyncio.to_thread(self._set_up)

    def _about(self, sip_build: str) -> Facts:
        return (
            (word("Version"), metadata.version(_DISTRIBUTION)),
            (word("Device"), self._identity.device or _UNKNOWN),
            (word("Fleet"), self._identity.fleet or _UNKNOWN),
            (word("Serial number"), serial()),
            (word("Running for"), _duration(time.monotonic() - self._started_s)),
            (word("SIP library"), sip_build or _UNKNOWN),
            (word("Memory used"), _megabytes(_used_bytes(self._state_dir))),
            (word("Memory free"), _gigabytes(shutil.disk_usage(self._state_dir).free)),
        )


def licence_facts() -> Facts:
    """Return our licence, then those of what is installed with us, by name."""
    others = {
        distribution.name: _licence(distribution.metadata)
        for distribution in metadata.distributions()
        if distribution.name and distribution.name != _DISTRIBUTION
    }
    ours = (("WeCall Handset", "GPL-3.0-or-later"), ("", word("Free software, without any warranty.")))
    return (*ours, *sorted(others.items(), key=lambda item: item[0].lower()))


def _licence(about: metadata.PackageMetadata) -> Text:
    """Return the licence that a package names: as an expression, by its classifiers, or in its own short words."""
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = [line for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    if classifiers:
        return ", ".join(line.rpartition(":: ")[2] for line in classifiers)
    # Some put the whole text of their licence there.
    named = about["License"].strip() if "License" in about else ""
    return named if 0 < len(named) <= _LICENCE_LENGTH and "\n" not in named else _UNKNOWN


def _diagnoses(condition: Condition) -> Facts:
    facts = tuple(_diagnosis(finding) for finding in examine(condition) if finding.part != STOLEN_CARD)
    if condition.guards is None:
        return facts
    return (*facts, (word("A stolen card"), word("can't be read") if condition.guards else word("can be read")))


def _diagnosis(finding: Finding) -> tuple[Text, Text]:
    part = _PARTS.get(finding.part, finding.part)
    if finding.ok:
        return part, word("works")
    return part, word("fault: {detail}", detail=f"{finding.detail} {finding.advice}".strip())


def _duration(seconds: float) -> Text:
    minutes = int(seconds) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return word("{days} d {hours} h", days=days, hours=hours)
    return word("{hours} h {minutes} min", hours=hours, minutes=minutes % 60)


def _used_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(count: int) -> Text:
    return word("{number} MB", number=f"{count / _MEGA:.1f}")


def _gigabytes(count: int) -> Text:
    return word("{number} GB", number=f"{count / _GIGA:.1f}")
