"""Heartbeats, and what the service manager is told; its socket is a plain datagram socket here."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from firmware.base.heartbeats import Health, SystemdNotifier, feed_watchdog
from tests.fakes.clock import Clock
from tests.lab.patience import PATIENCE_S


class Periods:
    """Stands in for asyncio.sleep: each period lasts until the test lets it pass."""

    def __init__(self) -> None:
        self.lengths_s: list[float] = []
        self._begun = asyncio.Semaphore(0)
        self._passed = asyncio.Semaphore(0)

    async def sleep(self, delay_s: float) -> None:
        self.lengths_s.append(delay_s)
        self._begun.release()
        await self._passed.acquire()

    async def begins(self) -> None:
        """Wait until everything that is due before the next period has been done."""
        await asyncio.wait_for(self._begun.acquire(), PATIENCE_S)

    async def next(self) -> None:
        self._passed.release()
        await self.begins()


class ServiceManager:
    """The receiving end of sd_notify."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def messages(self) -> list[str]:
        """Everything that was sent since the last look."""
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self._socket.recv(4096).decode())
        return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceManager]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    manager = ServiceManager(tmp_path / "notify")
    yield manager
    manager.close()


@contextlib.asynccontextmanager
async def running(notifier: SystemdNotifier, health: Health, periods: Periods) -> AsyncIterator[None]:
    task = asyncio.create_task(feed_watchdog(notifier, health, periods.sleep))
    try:
        await periods.begins()
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_a_thread_that_beats_in_time_is_not_stalled() -> None:
    clock = Clock()
    health = Health(clock)
    beat = health.register("sip", 10)
    clock.now_s += 9
    beat()
    clock.now_s += 9
    assert health.stalled() == ()


def test_only_the_silent_threads_are_named_each_by_its_own_limit() -> None:
    clock = Clock()
    health = Health(clock)
    health.register("sip", 10)
    audio = health.register("audio", 10)
    health.register("storage", 60)
    clock.now_s += 11
    audio()
    assert health.stalled() == ("sip",)


def test_a_thread_that_never_beats_is_stalled_once_its_limit_is_over() -> None:
    clock = Clock()
    health = Health(clock)
    health.register("display", 10)
    assert health.stalled() == ()
    clock.now_s += 10.1
    assert health.stalled() == ("display",)


def test_a_thread_that_starts_later_is_watched_from_its_first_beat_on() -> None:
    clock = Clock()
    health = Health(clock)
    storage = health.register("storage", 60, starts_later=True)
    clock.now_s += 100_000
    assert health.stalled() == ()
    storage()
    clock.now_s += 61
    assert health.stalled() == ("storage",)


def test_a_restarted_thread_starts_with_a_clean_slate_and_a_forgotten_one_is_not_missed() -> None:
    clock = Clock()
    health = Health(clock)
    health.register("audio", 10)
    health.register("display", 10)
    clock.now_s += 20
    health.register("audio", 10)
    health.forget("display")
    assert health.stalled() == ()


def test_ready_status_and_stopping_reach_the_service_manager(manager: ServiceManager) -> None:
    notifier = SystemdNotifier()
    notifier.status("Registered;\n ready for calls.")
    notifier.ready()
    notifier.stopping()
    assert manager.messages() == ["STATUS=Registered; ready for calls.", "READY=1", "STOPPING=1"]


async def test_the_watchdog_is_fed_three_times_in_its_time_out_while_every_thread_beats(
    manager: ServiceManager,
) -> None:
    periods = Periods()
    health = Health(Clock())
    health.register("sip", 10)
    async with running(SystemdNotifier(), health, periods):
        await periods.next()
        await periods.next()
    assert manager.messages() == ["WATCHDOG=1"] * 3
    assert periods.lengths_s == [10.0] * 3


async def test_the_watchdog_starves_while_a_thread_is_stalled_and_the_status_says_which(
    manager: ServiceManager, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    periods = Periods()
    health = Health(clock)
    sip = health.register("sip", 10)
    notifier = SystemdNotifier()
    notifier.status("Ready for calls.")
    async with running(notifier, health, periods):
        assert manager.messages() == ["STATUS=Ready for calls.", "WATCHDOG=1"]
        clock.now_s += 11
        await periods.next()
        assert manager.messages() == ["STATUS=No progress in the sip thread; the service restarts unless that changes."]
        await periods.next()
        assert manager.messages() == []
        sip()
        await periods.next()
        assert manager.messages() == ["STATUS=Ready for calls.", "WATCHDOG=1"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


async def test_a_watchdog_that_is_meant_for_another_process_sets_no_pace(
    manager: ServiceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_PID", "1")
    periods = Periods()
    async with running(SystemdNotifier(), Health(), periods):
        assert periods.lengths_s == [5.0]


def test_nothing_happens_where_there_is_no_service_manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    notifier = SystemdNotifier()
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier.ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notifier.ready()
