"""What is measured, the same way for every phone."""

import math
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import psutil

from tests.bench.registrar import ProbeRegistrar
from tests.lab.audio import measure_latency

if TYPE_CHECKING:
    from tests.bench.phones import Phone

CALLS = 3
CHIRPS_A_CALL = 10
TRIES_MORE = 3
STARTS = 5
RINGS = 40
DIALS = 20
IN_CALL_S = 20.0
IDLE_S = 40.0
SETTLE_S = 3.0


@dataclass(frozen=True, slots=True)
class Timings:
    """How fast one phone is with a registrar that takes times, in milliseconds."""

    start_to_register_ms: float
    invite_to_180_p95_ms: float
    last_key_to_invite_p95_ms: float


@dataclass(frozen=True, slots=True)
class CallFigures:
    """What a call between two phones of one kind costs and how late its sound is."""

    mouth_to_ear_median_ms: float
    mouth_to_ear_p95_ms: float
    chirps_lost: int
    cpu_in_call_percent: float
    cpu_idle_percent: float
    memory_mb: float


def measure_timings(registrar: ProbeRegistrar, make: Callable[[int], "Phone"]) -> Timings:
    """Start a phone several times, ring it, and let it dial.

    Args:
        registrar: where it registers.
        make: builds the phone; the number makes its folder unique.
    """
    starts, rings, dials = [], [], []
    phone = make(0)
    for number in range(STARTS + 1):
        phone.sit_down()
        registrar.forget()
        began = time.monotonic()
        phone.launch()
        starts.append(registrar.wait_for("REGISTER") - began)
        try:
            phone.connect()
            if number == STARTS:
                time.sleep(SETTLE_S)
                rings = [_after_a_pause(registrar.time_ringing) for _ in range(RINGS)]
                dials = [_after_a_pause(partial(_time_dialling, registrar, phone)) for _ in range(DIALS)]
        finally:
            phone.stop()
    # Of a phone that was started before: the first start of its life writes what the others find.
    return Timings(statistics.median(starts[1:]) * 1000, _p95(rings) * 1000, _p95(dials) * 1000)


def measure_calls(caller: "Phone", callee: "Phone", callee_user: str, sinks: tuple[str, str]) -> CallFigures:
    """Let two phones of one kind talk.

    Args:
        caller, callee: both registered.
        callee_user: whom to dial.
        sinks: what the caller's mouth hears, and what the callee's ear plays to.
    """
    mouth, ear = sinks
    delays: list[float] = []
    lost = 0
    in_call: list[float] = []
    for number in range(CALLS + TRIES_MORE):
        caller.prepare(callee_user)
        caller.press_last_key()
        callee.answer()
        time.sleep(SETTLE_S)
        latency = measure_latency(mouth, f"{mouth}_monitor", f"{ear}_monitor", count=CHIRPS_A_CALL)
        delays += latency.values_ms
        lost += latency.sent - len(latency.values_ms)
        # A call in which nothing is heard has not come about; what it costs is not what a call costs.
        if number >= CALLS - 1 and latency.values_ms:
            in_call.append(_cpu_percent([*caller.process_ids, *callee.process_ids], IN_CALL_S) / 2)
        caller.hang_up()
        callee.hang_up()
        time.sleep(SETTLE_S)
        if in_call:
            break
    return CallFigures(
        mouth_to_ear_median_ms=statistics.median(delays) if delays else math.nan,
        mouth_to_ear_p95_ms=_p95(delays) if delays else math.nan,
        chirps_lost=lost,
        cpu_in_call_percent=in_call[0] if in_call else math.nan,
        cpu_idle_percent=_cpu_percent(caller.process_ids, IDLE_S),
        memory_mb=sum(psutil.Process(pid).memory_full_info().pss for pid in caller.process_ids) / 1e6,
    )


def _time_dialling(registrar: ProbeRegistrar, phone: "Phone") -> float:
    phone.prepare("600")
    registrar.forget_messages()
    pressed = time.monotonic()
    phone.press_last_key()
    elapsed = registrar.wait_for("INVITE") - pressed
    registrar.wait_for("ACK")
    phone.hang_up()
    return elapsed


def _after_a_pause(measure: Callable[[], float]) -> float:
    time.sleep(0.3)
    return measure()


def _cpu_percent(process_ids: list[int], duration_s: float) -> float:
    """Return what the processes use together, in per cent of one core."""
    before, began = cpu_s(process_ids), time.monotonic()
    time.sleep(duration_s)
    return 100 * (cpu_s(process_ids) - before) / (time.monotonic() - began)


def cpu_s(process_ids: Iterable[int]) -> float:
    """Return what processes have used together so far, in seconds of one core."""
    used = [psutil.Process(process_id).cpu_times() for process_id in process_ids]
    return sum(times.user + times.system for times in used)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
