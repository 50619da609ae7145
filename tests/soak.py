"""The soak: what counts or draws by chance goes all the way, in parts that end within 150 minutes and can be resumed.

    python -m tests.soak [--again] [PART...]
    python -m tests.soak --list

runs the parts, or all of them, but for those that have passed with these very files. What a part has done is kept in
build/soak, so that whoever stops it loses one test; how it ended is kept in tests/soak.json, which is committed.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from tests import durations, touched
from tests.coverage_map import CoverageMap, git

ROOT: Final = Path(__file__).parents[1]
LOG: Final = ROOT / "tests/soak.json"
PROGRESS: Final = ROOT / "build/soak"
LONGEST_MINUTES: Final = 150
_PART: Final = "WECALL_SOAK_PART"
_GRACE_S: Final = 120.0
_WRITTEN_EVERY_S: Final = 5.0
# The log is written after what it speaks of.
_KEPT: Final = ("tests/soak.json", "tests/flakes.json", "tests/coverage_map.json", "tests/mutations.json")
_BUT_WHAT_IS_KEPT: Final = ("--", ".", *(f":!{name}" for name in _KEPT))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the soak.

    Attributes:
        repeats: what, and how often.
        tests: folders, files or tests, as pytest takes them; of these, what counts or draws by chance.
        minutes: how long it takes about.
        command: of pytest, that has the tests count further.
    """

    name: str
    repeats: str
    tests: Sequence[str]
    minutes: int
    command: Sequence[str] = ("-m", "soak or hypothesis", "--timeout", "7200")

    @property
    def counts(self) -> bool:
        """Whether its tests go all the way: those of every case go as far as a landing's."""
        return self.name != EVERY_CASE

    def has(self, test: str) -> bool:
        """Say whether a test is a part of this one."""
        return any(test == each or test.startswith((f"{each}/", f"{each}::", f"{each}[")) for each in self.tests)


def _integration(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/integration/test_{name}" for name in names)


EVERY_CASE: Final = "every-case"
"""The part that is `make test ALL=1`: every case of every test, which records what each module of tests touches."""
_MALFORMED: Final = "sip_malformed.py::test_"
_QUIET: Final = "pbx_quiet.py::test_"
_STORM: Final = "fleet_chaos.py::test_chaos"

PARTS: Final = (
    Part(
        "calls",
        "1,000 calls of the SIP stack, 1,000 of the whole phone, 100 of the sound loop, a call held for a minute",
        _integration("sip_soak.py", "phone_soak.py", "phone_calls.py", "media_loop.py"),
        15,
    ),
    Part(
        "kills",
        "a kill at each step of whatever changes what is kept, 200 of one who writes to the store, 40 of a restore",
        _integration(
            *(f"{name}_kills.py" for name in ("activation", "apply", "bundle", "consent", "installer", "key")),
            *(
                f"{name}_kills.py"
                for name in ("policy", "restore", "rights", "sharing", "stick", "trial", "update", "vault")
            ),
            "store_crash.py",
            "phone_activation.py",
            "phone_restore.py",
            "phone_forgotten_pin.py",
        ),
        30,
    ),
    Part(
        "recordings",
        "a kill at each step of recording, keeping and deleting, and 100 at moments of chance",
        _integration("recording_kills.py"),
        10,
    ),
    Part(
        "records",
        "200 kills of the whole phone and 200 of its sync process",
        _integration("phone_records.py", "sync_kills.py"),
        60,
    ),
    Part(
        "fleet",
        "40 kills of a collector on each database, 20 interrupted roll-outs, 200 requests to each route of the API",
        _integration("fleet_collector.py", "fleet_publish.py", "fleet_api.py"),
        30,
    ),
    Part("storm-sqlite", "45 minutes of storm over a fleet on SQLite", _integration(f"{_STORM}[sqlite]"), 55),
    Part(
        "storm-postgresql", "45 minutes of storm over a fleet on PostgreSQL", _integration(f"{_STORM}[postgresql]"), 55
    ),
    Part(
        "messages-production",
        "a million malformed messages on the SIP library as shipped",
        _integration(f"{_MALFORMED}a_million_malformed_messages_do_not_crash_the_phone[production]"),
        150,
    ),
    Part(
        "messages-sanitizer",
        "a million malformed messages on the SIP library with assertions and AddressSanitizer",
        _integration(f"{_MALFORMED}a_million_malformed_messages_do_not_crash_the_phone[asan]"),
        150,
    ),
    Part(
        "signalling",
        "20,000 malformed messages at the pace of the gate, 18,000 calls in quick turns, garbage for the audio port, "
        "400 handshakes that begin with the answer",
        _integration(
            f"{_MALFORMED}malformed_messages_at_the_pace_of_the_gate_neither_crash_the_phone_nor_leak",
            f"{_MALFORMED}calls_in_quick_turns_do_not_take_each_others_places",
            f"{_MALFORMED}garbage_to_the_audio_port_is_survived",
            "sip_library.py",
            "sip_what_ended_the_phone.py",
        ),
        60,
    ),
    Part(
        "wires",
        "every wire of the phone, each cut, which a test of the running handset misses",
        _integration("wires.py"),
        20,
    ),
    Part(
        "mutations",
        "200 mutations of the product, of which a test fails with 19 in 20: some 3 hours",
        ("tests/test_mutations.py",),
        150,
    ),
    Part(
        "voice",
        "100,000 messages of a voice that was taken over, 200 kills of voice, 100 of the handset in calls",
        _integration("voice_hostile.py", "voice_kills.py", "handset_kills.py"),
        60,
    ),
    Part(
        "sound-of-lines",
        "20 calls of each pair of phones in each codec on each of 36 lines, two judges of each: 40 hours in all",
        _integration("quality_grid.py"),
        150,
    ),
    Part(
        "lines",
        "200 changes of address with five accounts, an hour of a line that nobody uses, counted by a real Asterisk",
        _integration(
            "sip_lines_network.py", f"{_QUIET}an_hour_costs_240_messages_each_way_at_most_after_ten_quiet_minutes"
        ),
        90,
    ),
    Part(
        "day",
        "a day of a line that nobody uses, on a clock 24 times as quick",
        _integration(f"{_QUIET}each_hour_of_a_day_costs_as_little"),
        70,
    ),
    Part("site", "forty phones set up, by stick and by the network", _integration("forty_handsets.py"), 20),
    Part("flood", "floods of ten seconds", _integration("sip_flood.py"), 30),
    Part(
        "properties",
        "2,000 examples of each property, hundreds of lives of each model, a million reports and as many audio packets",
        ("tests/unit", "tests/contract/test_boot_choice.py"),
        120,
    ),
    Part("demo", "ten ends of the demo at each of its steps", _integration("demo.py"), 10),
    Part(
        "power-cuts",
        "10,000 power cuts among the writes of an update, 200 of them booted, and 100 real ones: 4 hours in all",
        ("tests/machine/test_power_cuts.py",),
        150,
    ),
    Part("reproducible", "two builds of library, package and card, compared", _integration("reproducible.py"), 20),
    Part(
        EVERY_CASE,
        "every case of every test of the gate",
        ("tests/unit", "tests/contract", "tests/integration", "tests/system"),
        40,
        ("--numprocesses", "5", "--no-loadscope-reorder", "--quiet"),
    ),
    Part("engine-origin", "whether Debian still has the SIP library's release", _integration("engine_origin.py"), 2),
)


# --- what the tests of a part tell ------------------------------------------------------------------------------------


class Progress:
    """Keeps which tests of a part have passed, and has pytest leave these out."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._state = read(_progress_of(part))
        self._passed = dict.fromkeys(self._state["passed"])
        self._not_passed = dict.fromkeys(self._state["not_passed"])
        self._left_out = frozenset(self._state.get("before", self._passed))
        self._good: set[str] = set()
        self._written_s = 0.0

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        due: list[pytest.Item] = []
        others: list[pytest.Item] = []
        for item in items:
            is_due = self._part.has(item.nodeid) and item.nodeid not in self._left_out
            (due if is_due else others).append(item)
        config.hook.pytest_deselected(items=others)
        items[:] = due

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that passed, and was put away; one that was skipped has not come to the end of a count."""
        if (report.when == "call" and report.passed) or (report.skipped and not self._part.counts):
            self._good.add(report.nodeid)
        elif not report.passed:
            self._good.discard(report.nodeid)
        if report.when != "teardown":
            return
        for kept in (self._passed, self._not_passed):
            kept.pop(report.nodeid, None)
        (self._passed if report.nodeid in self._good else self._not_passed)[report.nodeid] = None
        self._state.setdefault("cpu_s", {})[report.nodeid] = dict(report.user_properties).get("cpu_s", 0.0)
        # A part of thousands would do nothing but write.
        if self._part.counts or time.monotonic() - self._written_s > _WRITTEN_EVERY_S:
            self.pytest_sessionfinish()

    def pytest_sessionfinish(self) -> None:
        self._state |= {"passed": [*self._passed], "not_passed": [*self._not_passed]}
        write(_progress_of(self._part), self._state)
        self._written_s = time.monotonic()


class Rest(Progress):
    """Leaves out what has passed, in a process that others tell what to run."""

    pytest_runtest_logreport = None  # type: ignore[assignment]
    pytest_sessionfinish = None  # type: ignore[assignment]


def pytest_configure(config: pytest.Config) -> None:
    is_told = hasattr(config, "workerinput")
    config.pluginmanager.register((Rest if is_told else Progress)(named(os.environ[_PART])))


# --- parts ------------------------------------------------------------------------------------------------------------


def named(name: str) -> Part:
    """Return a part by its name."""
    return next(part for part in PARTS if part.name == name)


def run(part: Part, *, again: bool) -> bool:
    """Run what is left of a part, keep how it ended, and say whether it passed."""
    state = _begin(part, again=again)
    environment = {**os.environ, "WECALL_SEED": str(state["seed"]), _PART: part.name, durations.RUN: part.name}
    if part.counts:
        # Tests in an emulated machine are asked for by its kind.
        environment |= {"WECALL_SOAK": "1", "WECALL_MACHINE": "amd64"}
    else:
        environment = touched.wanted(environment)
    command = [sys.executable, "-m", "pytest", "-p", "tests.soak", *part.command]
    began_s = time.monotonic()
    try:
        code = wait_for(subprocess.Popen([*command, *part.tests], cwd=ROOT, env=environment))
    finally:
        took = (time.monotonic() - began_s) / 60
        done = read(_progress_of(part)) | {"minutes": state["minutes"] + took}
        write(_progress_of(part), done)
    # 2: it was stopped, 5: nothing was left to do. A test that is skipped goes on in the next run.
    has_passed = code in {0, 5} and not done["not_passed"]
    result = "passed" if has_passed else "so far" if code in {0, 2, 5} else "failed"
    if not part.counts:
        CoverageMap.of_run(done["commit"], done.get("cpu_s", {})).write()
    log = read(LOG)
    entry = {
        "commit": done["commit"],
        "clean": not _changes(),
        "seed": done["seed"],
        "result": result,
        "passed": len(done["passed"]),
        "not_passed": done["not_passed"],
        "minutes": round(done["minutes"], 1),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "last_passed": done["commit"] if has_passed else log.get(part.name, {}).get("last_passed"),
    }
    write(
        LOG,
        {each.name: entry if each is part else log[each.name] for each in PARTS if each is part or each.name in log},
    )
    say(f"{part.name}: {result}, WECALL_SEED={done['seed']}")
    return has_passed


def _begin(part: Part, *, again: bool) -> dict[str, Any]:
    """Return how far a part is: where it has begun with the same files and seed, it goes on from there."""
    state = read(_progress_of(part))
    wanted = os.environ.get("WECALL_SEED")
    goes_on = state and state["files"] == files() and wanted in {None, str(state["seed"])}
    if again or not goes_on:
        seed = int(wanted) if wanted else secrets.randbelow(1 << 32)
        state = {"files": files(), "commit": commit(), "seed": seed, "passed": [], "minutes": 0.0}
        if not part.counts:
            shutil.rmtree(touched.FOLDER, ignore_errors=True)
    state |= {"not_passed": [], "before": state["passed"]}
    write(_progress_of(part), state)
    return state


def wait_for(tests: subprocess.Popen[bytes]) -> int:
    """Wait for a run and return how it ended; have it end in good order where this is told to, or it takes too long."""
    try:
        return tests.wait(LONGEST_MINUTES * 60)
    except (KeyboardInterrupt, subprocess.TimeoutExpired) as stop:
        # A terminal tells both of Ctrl-C.
        if isinstance(stop, subprocess.TimeoutExpired):
            tests.send_signal(signal.SIGINT)
        try:
            tests.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            tests.kill()
        if isinstance(stop, KeyboardInterrupt):
            raise
        return int(pytest.ExitCode.INTERRUPTED)


def is_due(entry: dict[str, Any]) -> bool:
    """Say whether a part has not passed with these very files."""
    if not entry or entry["result"] != "passed" or not entry["clean"] or _changes():
        return True
    return git("diff", "--quiet", entry["commit"], "HEAD", *_BUT_WHAT_IS_KEPT).returncode != 0


def how_it_stands(part: Part, passed: str | None) -> str:
    """Say whether a part's own files have been touched since the commit on which it passed last."""
    if passed is None:
        return "never passed"
    files = {test.partition("::")[0] for test in part.tests}
    counted = git("rev-list", "--count", f"{passed}..HEAD", "--", *sorted(files))
    if counted.returncode:
        return f"passed on {passed}, which is not here"
    since = int(counted.stdout)
    return f"{since} commit(s) behind" if since else "up to date"


def table() -> str:
    """Return each part, how it ended last, and whether its tests have been touched since it passed."""
    log = read(LOG)
    lines = []
    for part in PARTS:
        entry = log.get(part.name, {})
        stands = how_it_stands(part, entry.get("last_passed"))
        last = (
            f"{entry['result']} on {entry['date']} at {entry['commit']}, seed {entry['seed']}" if entry else "not run"
        )
        lines.append(f"{part.name:20} {part.minutes:4} min   {stands}; {last}\n{'':31} {part.repeats}")
    return "\n".join(lines)


# --- files ------------------------------------------------------------------------------------------------------------


def _progress_of(part: Part) -> Path:
    return PROGRESS / f"{part.name}.json"


def read(path: Path) -> dict[str, Any]:
    """Return what is kept in a file, nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(path: Path, content: dict[str, Any]) -> None:
    """Write it whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    new.replace(path)


def commit() -> str:
    """Return the commit that is checked out."""
    return git("rev-parse", "--short=10", "HEAD").stdout.strip()


def _changes() -> str:
    """Return what differs from the commit."""
    return git("diff", "HEAD", *_BUT_WHAT_IS_KEPT).stdout + git("status", "--porcelain", *_BUT_WHAT_IS_KEPT).stdout


def files() -> str:
    """Return what stands for the files as they are now."""
    kept = [line for line in git("ls-tree", "-r", "HEAD").stdout.splitlines() if not line.endswith(_KEPT)]
    return sha256("\n".join([*kept, _changes()]).encode()).hexdigest()


def say(words: str) -> None:
    """Write words for whoever started this, at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main(words: Iterable[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(part.name for part in PARTS))
    parser.add_argument("--list", action="store_true", help="say how each part stands, and run none")
    parser.add_argument("--again", action="store_true", help="begin anew, also what has passed")
    asked = parser.parse_args(None if words is None else list(words))
    if asked.list:
        say(table())
        return 0
    unknown = set(asked.parts) - {part.name for part in PARTS}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    bad = []
    for part in PARTS:
        if part.name not in (asked.parts or [each.name for each in PARTS if each.counts]):
            continue
        if not asked.again and not is_due(read(LOG).get(part.name, {})):
            say(f"{part.name}: has passed with these very files")
            continue
        if not run(part, again=asked.again):
            bad.append(part.name)
    if bad:
        say(f"not passed: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("Stopped; the next run goes on.")
        sys.exit(130)
