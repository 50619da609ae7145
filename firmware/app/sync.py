"""The composition root of the sync process; its handset is another process, met on a socket."""

import asyncio
import logging
import signal
from pathlib import Path

from firmware.base import logs
from firmware.base.heartbeats import Health, SystemdNotifier, feed_watchdog
from firmware.control.sync_client import HandsetLink
from firmware.sync.publisher import LONGEST_SILENCE_S, Publisher

_log = logging.getLogger(__name__)


def run(runtime_dir: Path, *, verbose: bool = False) -> int:
    """Carry messages to the broker until SIGTERM or SIGINT; return the exit code."""
    logs.set_up(logging.DEBUG if verbose else logging.INFO)
    return asyncio.run(_run(runtime_dir))


async def _run(runtime_dir: Path) -> int:
    health = Health()
    notifier = SystemdNotifier()
    publisher = Publisher(
        HandsetLink(runtime_dir),
        heartbeat=health.register("sync", LONGEST_SILENCE_S),
        say=notifier.status,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, publisher.stop)
    watchdog = asyncio.create_task(feed_watchdog(notifier, health, asyncio.sleep))
    notifier.ready()
    try:
        await publisher.run()
    finally:
        notifier.stopping()
        watchdog.cancel()
    _log.info("Stopped.")
    return 0
