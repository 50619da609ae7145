"""What attribution costs: memory and time, each measured in a process of its own, from its very first look-up on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from tests.lab.measured import RecordProperty, assert_within

pytestmark = pytest.mark.feature("number attribution")

CHECKOUT = Path(__file__).parents[4]
MOST_MB = 2
MOST_MS = 1

MEASURE = """
import json, sys, time
from pathlib import Path
# What a handset has loaded anyway.
import asyncio, logging, re
import firmware.display.pages

def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))

numbers = json.load(sys.stdin)
before, peak_before = memory("VmRSS"), memory("VmHWM")
began = time.process_time()
from firmware.base.numbering.directory import TABLE_PATH, NumberDirectory
directory = NumberDirectory(TABLE_PATH, sys.argv[1])
directory.start()
start_ms = (time.process_time() - began) * 1e3
times_ms = []
for number in numbers:
    # Time that others take on a busy machine is none of a look-up's.
    began = time.thread_time()
    directory.describe(number, "CN")
    times_ms.append((time.thread_time() - began) * 1e3)
json.dump({
    "first_ms": times_ms[0],
    "p99_ms": sorted(times_ms)[len(times_ms) * 99 // 100],
    "start_ms": start_ms,
    "added_mb": memory("VmRSS") - before,
    "peak_mb": memory("VmHWM") - max(before, peak_before),
}, sys.stdout)
"""


@pytest.fixture(scope="module", params=["en", "zh"])
def cost(request: pytest.FixtureRequest) -> dict[str, float]:
    prefixes = ("+8613", "+86755", "+1415", "+4420", "+54911", "+7495", "+8190", "0755", "138", "0044", "+999", "+39")
    numbers = [f"{prefixes[index % len(prefixes)]}{index * 7919 % 10**8:08}" for index in range(10_000)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(request.param)],
        cwd=CHECKOUT,
        input=json.dumps(numbers),
        capture_output=True,
        text=True,
        check=True,
    )
    return cast("dict[str, float]", json.loads(done.stdout))


def test_it_adds_at_most_2_mb(cost: dict[str, float]) -> None:
    assert 0.5 < cost["added_mb"] <= MOST_MB
    assert cost["peak_mb"] <= MOST_MB


def test_a_look_up_takes_less_than_a_millisecond_and_so_does_the_first(
    cost: dict[str, float], record_property: RecordProperty
) -> None:
    assert_within(record_property, "first_cpu", cost["first_ms"] / 1e3, MOST_MS / 1e3)
    assert_within(record_property, "p99_cpu", cost["p99_ms"] / 1e3, MOST_MS / 1e3)
