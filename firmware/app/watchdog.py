"""Feeds the watchdog from the main loop, and says how the phone is where `systemctl status` shows it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from firmware.base.heartbeats import Health
from firmware.base.notifier import SystemdNotifier, watchdog_period_s

if TYPE_CHECKING:
    from firmware.phone.view import PhoneView


async def feed_watchdog(
    notifier: SystemdNotifier, health: Health, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Feed it until cancelled, but only while no thread is stalled."""
    period_s = watchdog_period_s()
    while True:
        notifier.feed(health)
        await sleep(period_s)


def status_words(view: "PhoneView") -> str:
    """Describe the phone for `systemctl status`: words only, nobody's number."""
    line = view.registration.replace("_", " ")
    if view.registration_failure is not None:
        line += f" ({view.registration_failure.replace('_', ' ')})"
    problems = "".join(f"; {problem.replace('_', ' ')}" for problem, _ in view.problems)
    return f"{view.mode.replace('_', ' ')}; line {line}{problems}"
