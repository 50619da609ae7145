"""The composition root of the fetcher, which stands between RAUC on this machine and the server of an update."""

import asyncio
import logging
import signal
from dataclasses import dataclass
from pathlib import Path

from firmware.base import logs
from firmware.base.errors import HandsetError
from firmware.base.heartbeats import Health, SystemdNotifier, feed_watchdog
from firmware.fetch.download import Download
from firmware.fetch.relay import Relay
from firmware.fetch.server import Server, ServerWrongError
from firmware.fetch.wanted import News, read_wanted, write_news

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the fetcher finds and leaves things.

    Attributes:
        wanted: what to fetch, root's.
        news: what came of it so far, for root.
        in_call: there while a call is on, the handset's.
        port: on loopback, where RAUC asks.
    """

    wanted: Path
    news: Path
    in_call: Path
    port: int


def run(places: Places, *, verbose: bool = False) -> int:
    """Fetch what RAUC asks for until SIGTERM or SIGINT; return the exit code."""
    logs.set_up(logging.DEBUG if verbose else logging.INFO)
    try:
        return asyncio.run(_run(places))
    except HandsetError as error:
        _log.error("%s", error)
        return 1


async def _run(places: Places) -> int:
    def tell(news: News) -> None:
        try:
            write_news(places.news, news)
        except OSError:
            _log.exception("What came of the download could not be written to its folder in /run; look at its space.")

    wanted = read_wanted(places.wanted)
    try:
        server = Server(wanted)
    except ServerWrongError as error:
        tell(News(0, error.code))
        raise
    download = Download(wanted, server, places.in_call, tell)
    relay = await Relay(download).serve(places.port)
    notifier = SystemdNotifier()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watchdog = asyncio.create_task(feed_watchdog(notifier, Health(), asyncio.sleep))
    notifier.ready()
    await stop.wait()
    notifier.stopping()
    watchdog.cancel()
    relay.close()
    server.close()
    download.tell()
    _log.info("Stopped.")
    return 0
