"""The gate: the quick tier, then what is drawn of the real one; `make test` runs it.

    python -m tests.gate                # once
    python -m tests.gate --repeat 20    # that often in random order, every fourth time beside two busy loops; resumable
    python -m tests.gate --flakes       # how often each test has failed, and what that says

A run is kept in build/gate.json. Those that were repeated are kept in tests/flakes.json, which is committed.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tests import durations, soak
from tests.draw import DRAWN
from tests.processor import ProcessorMeter
from tests.tiers import SHUFFLE

FLAKES: Final = soak.ROOT / "tests/flakes.json"
RUN: Final = soak.ROOT / "build/gate.json"
_REPEATED: Final = soak.ROOT / "build/repeated.json"
_BUSY_ONE_IN: Final = 4
_NO_FAILURE_WITH_95_PERCENT: Final = 3.0
"""Of so many divided by the number of runs a rate is below, where none of these failed (the rule of three)."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A part of the gate.

    Attributes:
        name: which marks its tests.
        folders: where these are.
        processes: that run them; of those that wait more than there are cores.
        options: more of pytest's.
    """

    name: str
    folders: Sequence[str]
    processes: int
    options: Sequence[str] = ()


TIERS: Final = (
    Tier("quick", ("tests/unit", "tests/contract"), 2, ("--quiet",)),
    Tier("real", ("tests/contract", "tests/integration", "tests/system"), 5, ("-p", "tests.draw")),
)


def run(tiers: Sequence[Tier] = TIERS, *, seed: int | None = None, options: Sequence[str] = ()) -> dict[str, Any]:
    """Run tiers one after the other, whatever comes of each, and return what is to be kept of that."""
    seed = int(os.environ.get("WECALL_SEED", secrets.randbelow(1 << 32))) if seed is None else seed
    began_s = time.monotonic()
    kept: dict[str, Any] = {"seed": seed, "tiers": {}, "failed": []}
    with ProcessorMeter() as meter:
        for tier in tiers:
            before_s, at_s = meter.used_s, time.monotonic()
            durations.kept(tier.name).unlink(missing_ok=True)
            tests = subprocess.Popen(
                [
                    sys.executable, "-m", "pytest", "-m", tier.name, "--numprocesses", str(tier.processes),
                    "--no-loadscope-reorder", *tier.options, *options, *tier.folders,
                ],
                cwd=soak.ROOT,
                env={**os.environ, "WECALL_SEED": str(seed), durations.RUN: tier.name},
            )  # fmt: skip
            code = soak.wait_for(tests)
            told = soak.read(durations.kept(tier.name)) or {"tests": {}, "failed": []}
            kept["tiers"][tier.name] = {
                "code": code,
                "tests": len(told["tests"]),
                "wall_s": round(time.monotonic() - at_s, 1),
                "core_s": round(meter.used_s - before_s, 1),
            }
            kept["failed"] += told["failed"]
        kept |= {"wall_s": round(time.monotonic() - began_s, 1), "core_s": round(meter.used_s, 1)}
    kept["passed"] = not any(tier["code"] for tier in kept["tiers"].values())
    return kept


def summary(kept: dict[str, Any]) -> str:
    """Return what a run came to, in words."""
    lines = [
        f"{name}: {tier['tests']} tests, {tier['wall_s']:.0f} s, {tier['core_s']:.0f} core-seconds"
        for name, tier in kept["tiers"].items()
    ]
    if "real" in kept["tiers"] and DRAWN.exists():
        drawn = soak.read(DRAWN)
        lines.append(
            f"real: {len(drawn['promised'])} of promises and features, {len(drawn['drawn'])} drawn,"
            f" {len(drawn['touched'])} that the change touches; {len(drawn['skipped'])} tests were not drawn,"
            f" {len(drawn['left'])} cases that it touches did not go into the budget"
        )
        if drawn["left"]:
            lines.append(f"The change asks for `make test ALL=1`: build/{DRAWN.name} lists what was left out.")
    lines.append(
        f"{'passed' if kept['passed'] else 'FAILED'} in {kept['wall_s']:.0f} s and {kept['core_s']:.0f} core-seconds;"
        f" WECALL_SEED={kept['seed']}"
    )
    return "\n".join(lines)


# --- repeated ---------------------------------------------------------------------------------------------------------


def repeat(count: int) -> bool:
    """Run the gate so often, going on where it was stopped; keep each run with the commit that it was of."""
    state = soak.read(_REPEATED) or {"done": 0, "failed": 0}
    os.environ[SHUFFLE] = "1"
    while state["done"] < count:
        is_busy = state["done"] % _BUSY_ONE_IN == _BUSY_ONE_IN - 1
        commit = soak.commit()
        with _busy(2 if is_busy else 0):
            kept = run(seed=secrets.randbelow(1 << 32))
        state["done"] += 1
        state["failed"] += not kept["passed"]
        keep(kept, commit=commit, is_busy=is_busy)
        soak.write(_REPEATED, state)
        soak.say(f"{summary(kept)}\nrun {state['done']} of {count}")
    _REPEATED.unlink()
    return not state["failed"]


def keep(kept: dict[str, Any], *, commit: str, is_busy: bool) -> None:
    """Add a run to those that are committed."""
    runs = soak.read(FLAKES).get("runs", [])
    one = {
        "commit": commit,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seed": kept["seed"],
        "busy": is_busy,
        "wall_s": kept["wall_s"],
        "core_s": kept["core_s"],
        "tests": sum(tier["tests"] for tier in kept["tiers"].values()),
        "passed": kept["passed"],
        "failed": kept["failed"],
    }
    rows = ",\n".join(f"  {json.dumps(each)}" for each in (*runs, one))
    FLAKES.write_text(f'{{\n "runs": [\n{rows}\n ]\n}}\n', encoding="utf-8")


@contextmanager
def _busy(processes: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def flakes() -> str:
    """Return a table of the tests that have failed, as Markdown, and what the runs say of the next one."""
    runs = soak.read(FLAKES).get("runs", [])
    since = next((place for place, each in enumerate(reversed(runs)) if not each["passed"]), len(runs))
    lines = [f"{len(runs)} runs; the last {since} without a failure", "", "| failed | test |", "| --- | --- |"]
    failed = Counter(test for each in runs for test in each["failed"])
    lines += [f"| {count} of {len(runs)} | `{test}` |" for test, count in failed.most_common()]
    if since:
        most = _NO_FAILURE_WITH_95_PERCENT / since
        lines.append(f"\nWith 95 % confidence less than {min(1.0, most):.0%} of runs fail by chance.")
    return "\n".join(lines)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", choices=[tier.name for tier in TIERS], help="this one alone")
    parser.add_argument("--repeat", type=int, metavar="N", help="run it so often and keep what came of it")
    parser.add_argument("--flakes", action="store_true", help="tell of the runs that are kept")
    parser.add_argument("options", nargs="*", help="of pytest")
    asked = parser.parse_args()
    if asked.flakes:
        soak.say(flakes())
        return 0
    if asked.repeat:
        return 0 if repeat(asked.repeat) else 1
    kept = run([tier for tier in TIERS if asked.tier in {None, tier.name}], options=asked.options)
    soak.write(RUN, kept)
    soak.say(summary(kept))
    return 0 if kept["passed"] else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
