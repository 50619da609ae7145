"""What the sync process costs while nothing is to be carried, beside a bare paho client with the same keep-alive."""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from rich.table import Table

from firmware.ports.broker import BrokerState
from tests.lab.byte_relay import ByteRelay
from tests.lab.sync_site import DEVICE, SyncSite

GOAL_PERCENT: Final = 0.1
# Whole keep-alives, or else the bytes a day depend on when one looks.
_KEEP_ALIVES: Final = 4
_SETTLE_S: Final = 10.0
_A_DAY_S: Final = 86400.0
# As systemd/wecall-sync.service has it: the service manager wants to hear three times a minute.
_UNIT: Final = {"WATCHDOG_USEC": "60000000"}
_BARE: Final = """
import sys
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
port, keep_alive_s, ca, certificate, key, topic = sys.argv[1:]
client = Client(CallbackAPIVersion.VERSION2, client_id="bare-client", protocol=MQTTProtocolVersion.MQTTv5)
client.tls_set(ca, certificate, key)
client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
client.on_subscribe = lambda *_: print("subscribed", flush=True)
client.connect("localhost", int(port), int(keep_alive_s))
client.loop_forever()
"""


@dataclass(frozen=True, slots=True)
class IdleCost:
    """What one process costs.

    Attributes:
        cpu_percent: of one core.
        wake_ups_a_minute: how often it went on after it had waited.
        memory_mb: its own, and its share of what others have as well.
        bytes_a_day: what it moves, in TLS and without the headers of TCP and IP.
    """

    who: str
    keep_alive_s: int
    cpu_percent: float
    wake_ups_a_minute: float
    memory_mb: float
    bytes_a_day: int


def measure(folder: Path) -> list[IdleCost]:
    """Have both at one broker at the same time, with nothing to do."""
    return asyncio.run(_measure(folder))


async def _measure(folder: Path) -> list[IdleCost]:
    async with SyncSite(folder) as site, ByteRelay(site.broker.port) as ours, ByteRelay(site.broker.port) as theirs:
        settings = site.settings
        assert settings is not None
        keep_alive_s = settings.keep_alive_s
        await site.grant()
        site.change_settings(port=ours.port)
        site.sync.environment.update(_UNIT)
        await site.start_sync()
        await site.wait_for_report(BrokerState.CONNECTED)
        await site.wait_until_empty()
        bare = await _start_bare(site, theirs.port, keep_alive_s)
        try:
            await asyncio.sleep(_SETTLE_S)
            processes = psutil.Process(site.sync.pid), psutil.Process(bare.pid)
            relays = ours, theirs
            before, began = [_counters(*each) for each in zip(processes, relays, strict=True)], time.monotonic()
            await asyncio.sleep(_KEEP_ALIVES * keep_alive_s)
            after, duration_s = (
                [_counters(*each) for each in zip(processes, relays, strict=True)],
                time.monotonic() - began,
            )
            memory = [process.memory_full_info().pss / 1e6 for process in processes]
        finally:
            bare.kill()
            await bare.wait()
    return [
        IdleCost(
            who,
            keep_alive_s,
            100 * (late[0] - early[0]) / duration_s,
            60 * (late[1] - early[1]) / duration_s,
            memory_mb,
            round(_A_DAY_S * (late[2] - early[2]) / duration_s),
        )
        for who, early, late, memory_mb in zip(("wecall sync", "bare paho loop"), before, after, memory, strict=True)
    ]


async def _start_bare(site: SyncSite, port: int, keep_alive_s: int) -> asyncio.subprocess.Process:
    issued = site.authority.issue("bare-client")
    bare = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _BARE, str(port), str(keep_alive_s), str(site.authority.ca_path),
        str(issued.certificate), str(issued.key), f"wecall/v1/lab/{DEVICE}/ack",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert bare.stdout is not None
    if not await bare.stdout.readline():
        raise RuntimeError("The bare client did not get to the broker.")
    return bare


def _counters(process: psutil.Process, relay: ByteRelay) -> tuple[float, int, int]:
    """Return the seconds on a core, which the scheduler counts in nanoseconds, the wake-ups, and the bytes."""
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    ran_s = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    return ran_s, process.num_ctx_switches().voluntary, relay.to_broker + relay.to_device


def table(rows: Sequence[IdleCost]) -> Table:
    """Show them."""
    shown = Table(
        "idle", "keep-alive s", "CPU %", "wake-ups/min", "MB", "bytes/day",
        title=f"The sync process with nothing to carry (goal: less than {GOAL_PERCENT} % of a core)",
    )  # fmt: skip
    for row in rows:
        shown.add_row(
            row.who, f"{row.keep_alive_s}", f"{row.cpu_percent:.4f}", f"{row.wake_ups_a_minute:.1f}",
            f"{row.memory_mb:.1f}", f"{row.bytes_a_day}",
        )  # fmt: skip
    return shown
