"""The composition root of what looks for a first bundle on the local network, and of what fetches it from an address.

Each runs while the handset has its socket for it, which is while no configuration counts, and ends by itself with that.
"""

import asyncio
import logging
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from firmware.base import logs
from firmware.base.heartbeats import Health, SystemdNotifier, feed_watchdog
from firmware.control.lan_client import HandsetLink
from firmware.control.requests import Role
from firmware.setup.lan.named import fetch_confirmed, offer_addresses
from firmware.setup.lan.search import Search

_log = logging.getLogger(__name__)

_LOOK_S: Final = 0.25


def run(runtime_dir: Path, role: Role, *, verbose: bool = False) -> int:
    """Look until SIGTERM or SIGINT, or until the handset wants no bundle from here; return the exit code."""
    logs.set_up(logging.DEBUG if verbose else logging.INFO)
    return asyncio.run(_run(runtime_dir, role))


async def _look(link: HandsetLink, role: Role) -> None:
    if role is Role.FETCH:
        await fetch_confirmed(link)
    else:
        await asyncio.gather(Search(link).run(), offer_addresses(link))


async def _run(runtime_dir: Path, role: Role) -> int:
    notifier = SystemdNotifier()
    search = asyncio.create_task(_look(HandsetLink(runtime_dir, role), role))
    watchdog = asyncio.create_task(feed_watchdog(notifier, Health(), asyncio.sleep))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, search.cancel)
    notifier.ready()
    door = runtime_dir / f"{role}.sock"
    while door.exists() and not search.done():
        await asyncio.wait({search}, timeout=_LOOK_S)
    notifier.stopping()
    search.cancel()
    watchdog.cancel()
    with suppress(asyncio.CancelledError):
        await search
    _log.info("Stopped.")
    return 0
