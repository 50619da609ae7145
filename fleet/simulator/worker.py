"""One process of a simulated fleet: its part of the handsets, and a pipe to whoever started it."""

import asyncio
import logging
import resource
import signal
from dataclasses import replace
from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from fleet.simulator.counts import Counts
from fleet.simulator.fleet import SimulatedFleet
from fleet.simulator.handset import SimulatedHandset
from fleet.simulator.outbox import spans
from fleet.simulator.settings import Share

TELL_EVERY_S: Final = 0.25


class Order(StrEnum):
    """What a process is told to do: to let what waits leave and end, or to end at once."""

    FINISH = "finish"
    STOP = "stop"


class Truth(BaseModel):
    """One line of the file of `--truth`; numbers of calls, and nothing that was said or dialled in them.

    Attributes:
        device, epoch: whose numbers they are.
        kept: from which to which number a collector has records, if it has confirmed all.
        taken_back: those that nobody may have, once their erasure is confirmed.
        waiting: how many messages were not complete at the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    epoch: int
    kept: tuple[tuple[int, int], ...]
    taken_back: tuple[tuple[int, int], ...]
    waiting: int

    @classmethod
    def of(cls, handset: SimulatedHandset) -> Self:
        """Tell of a handset."""
        outbox = handset.outbox
        return cls(
            device=handset.device,
            epoch=outbox.epoch,
            kept=tuple(spans(outbox.recorded - outbox.taken_back)),
            taken_back=tuple(spans(outbox.taken_back)),
            waiting=len(outbox),
        )


def run(share: Share, pipe: Connection) -> None:
    """Simulate until told to end, or until whoever is to tell so is gone.

    What goes into the pipe: Counts all the time, and at the end what really happened, as lines of Truth.
    """
    # A terminal's Ctrl-C comes to every process; what follows from it is for the first one to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Every handset loses its connection now and then, and says so.
    logging.getLogger("firmware").setLevel(logging.CRITICAL)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        asyncio.run(_run(share, pipe))
    except BrokenPipeError:
        return
    finally:
        pipe.close()


async def _run(share: Share, pipe: Connection) -> None:
    orders: asyncio.Queue[Order] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def take_order() -> None:
        try:
            orders.put_nowait(pipe.recv())
        except (EOFError, OSError):
            loop.remove_reader(pipe.fileno())
            orders.put_nowait(Order.STOP)

    fleet = SimulatedFleet(share)
    loop.add_reader(pipe.fileno(), take_order)
    fleet.start()
    telling = asyncio.create_task(_tell(fleet.counts, pipe))
    ending = asyncio.create_task(_end_when_told(fleet, orders))
    tasks = {telling, ending, asyncio.create_task(fleet.watch())}
    try:
        while not ending.done():
            ended, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
    loop.remove_reader(pipe.fileno())
    pipe.send(fleet.counts)
    pipe.send([Truth.of(handset).model_dump_json() for handset in fleet.handsets])


async def _end_when_told(fleet: SimulatedFleet, orders: asyncio.Queue[Order]) -> None:
    if await orders.get() is Order.FINISH:
        finishing = asyncio.create_task(fleet.finish())
        hurrying = asyncio.create_task(orders.get())
        await asyncio.wait({finishing, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        for task in (finishing, hurrying):
            task.cancel()
        await asyncio.wait({finishing, hurrying})
        if not finishing.cancelled():
            finishing.result()
    await fleet.stop()


async def _tell(counts: Counts, pipe: Connection) -> None:
    while True:
        pipe.send(replace(counts))
        await asyncio.sleep(TELL_EVERY_S)
