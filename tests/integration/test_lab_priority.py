"""The lab's real time: what carries sound goes first, and cannot take the machine."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.audio import play, tone
from tests.lab.priority import LONGEST_WITHOUT_REST_S, carry_sound
from tests.lab.pulse import PulseAudio

SPIN = "while True: pass"


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.usefixtures("pulse")
def test_what_plays_a_sound_that_is_all_there_rests_meanwhile() -> None:
    before_s = children_cpu_s()
    play("mic", tone([1000], 2))
    assert children_cpu_s() - before_s < 0.3


def test_what_never_rests_in_real_time_is_ended_by_the_kernel() -> None:
    with subprocess.Popen([sys.executable, "-c", SPIN]) as spinning:
        carry_sound(spinning.pid)
        try:
            # Where this user has no real time, it takes nothing from anybody.
            if os.sched_getscheduler(spinning.pid) == os.SCHED_RR:
                assert spinning.wait(10 * LONGEST_WITHOUT_REST_S) == -signal.SIGXCPU
        finally:
            spinning.kill()


def test_the_cards_do_not_wait_for_what_plays_to_them(pulse: PulseAudio) -> None:
    main, *cards = sorted(int(thread.name) for thread in Path(f"/proc/{pulse.pid}/task").iterdir())
    if os.sched_getscheduler(main) == os.SCHED_RR:
        priorities = [os.sched_getparam(card).sched_priority for card in cards]
        assert min(priorities) > os.sched_getparam(main).sched_priority
