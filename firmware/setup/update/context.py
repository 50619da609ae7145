"""What the handset lends to those who look after updates of its firmware."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contract.results import OutcomeCode
from firmware.base.proven_time import Now
from firmware.phone.bundle_news import BundleNews
from firmware.phone.updates import UpdateTold
from firmware.setup.bundles.watch import PhoneWatch
from firmware.setup.update.judge import Facts
from provisioning.updates import Updates


class Announced(Protocol):
    """What a verified document about an update says, as far as the handset goes by it."""

    @property
    def version(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def not_before(self) -> datetime: ...
    @property
    def release_keys(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds.

    Attributes:
        look_s: how often it is looked whether something is due.
        again_s: how long nothing is tried again that came to nothing, or that somebody put off by a key.
        notice_s: how long before the phone restarts it says so.
        notice_by_stick_s: likewise, where somebody stands before it who has brought the update.
        judge_s: how often a version on trial is looked at.
    """

    look_s: float = 20.0
    again_s: float = 1800.0
    notice_s: int = 60
    notice_by_stick_s: int = 10
    judge_s: float = 2.0


@dataclass(frozen=True, slots=True)
class UpdateContext:
    """What the handset lends.

    Attributes:
        settings: when, and how long it may be put off.
        device: this handset's name.
        watch: tells when the phone is left to itself.
        is_free: nothing else is under way that a restart would cut off, such as a bundle.
        facts: how the handset is now.
        now: what is known of the time.
        uptime_s: seconds since the machine started.
        day: writes a moment's day as the display's language has it.
        post: tells the phone.
        tell_operator: queues what became of a document, named by its SHA-256.
        sleep: waits for so many seconds.
    """

    settings: Updates
    device: str
    watch: PhoneWatch
    is_free: Callable[[], bool]
    facts: Callable[[], Facts]
    now: Callable[[], Now]
    uptime_s: Callable[[], float]
    day: Callable[[float], str]
    post: Callable[[UpdateTold | BundleNews], None]
    tell_operator: Callable[[str, OutcomeCode], Awaitable[None]]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    pace: Pace = Pace()
