"""Malformed messages by the million, in parts that a later run goes on with; each part has its own way to the handset.

python -m tests.lab.fuzzer.campaign --build asan --seed 7 --count 1000000
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests.lab.certificates import LOOPBACK, CertificateAuthority
from tests.lab.fuzzer.sanitizer import sanitized
from tests.lab.fuzzer.server import HostileServer
from tests.lab.fuzzer.siege import Siege
from tests.lab.stack_process import StackProcess, StackSettings

ROOT: Final = Path(__file__).parents[3]
PART: Final = 25_000
# With its start and its end, a part of the soak takes 150 minutes at most.
LONGEST_S: Final = 140 * 60.0
BUILDS: Final = ("production", "asan")
SURVIVED: Final = "survived"


@dataclass(frozen=True, slots=True)
class Way:
    """How messages reach the handset.

    Attributes:
        transport: of SIP.
        ice: it uses ICE.
        past_registrar: calls and malformed messages come from a stranger, whom it lets in.
        counts: the gate counts what comes, as shipped.
        reads_bodies: they pass its parser first, as shipped.
    """

    transport: str = "udp"
    ice: bool = False
    past_registrar: bool = False
    counts: bool = False
    reads_bodies: bool = True

    @classmethod
    def of(cls, seed: int, part: int, *, reads_bodies: bool) -> "Way":
        """Choose that of a part: TLS is the slowest, since malformed messages end the only connection."""
        rng = random.Random(f"way {seed}/{part}")
        transport = rng.choices(("udp", "tcp", "tls"), (12, 3, 1))[0]
        past_registrar = transport != "tls" and rng.random() < 0.4
        return cls(transport, rng.random() < 0.5, past_registrar, reads_bodies=reads_bodies)


@contextmanager
def besieged(folder: Path, way: Way, environment: Mapping[str, str] | None = None) -> Iterator[Siege]:
    """Start a stack, in the shipped configuration, and its hostile server."""
    authority = CertificateAuthority(folder / "authority")
    certificate = authority.issue("localhost", hosts=LOOPBACK) if way.transport == "tls" else None
    with HostileServer(way.transport, past_registrar=way.past_registrar, certificate=certificate) as server:
        settings = StackSettings(
            "alice",
            "secret",
            server.port,
            way.transport,
            answer_anyone=way.past_registrar,
            welcome=["caller"],
            calls=1 if way.counts else 3,
            tls_ca=str(authority.ca_path) if certificate else "",
            ice=way.ice,
            counts=way.counts,
            reads_bodies=way.reads_bodies,
        )
        with StackProcess(folder / "stack", settings, environment) as stack:
            server.target_port = stack.port
            assert server.ping()
            assert server.call()
            yield Siege(server, stack)


class Campaign:
    """A number of messages of one seed against one build; its log says how far it is."""

    def __init__(self, log: Path, build: str, seed: int | None, count: int, *, reads_bodies: bool = True) -> None:
        """Go on where the log ends, if it is of the same seed and not at its end.

        Args:
            log: where it is kept.
            build: one of `BUILDS`.
            seed: of the messages; the log's, or one by chance, where left out.
            count: how many they are.
            reads_bodies: their bodies pass the handset's parser first.
        """
        self._log = log
        self._environment = sanitized() if build == "asan" else {}
        self._reads_bodies = reads_bodies
        self.state: dict[str, Any] = json.loads(log.read_text()) if log.exists() else {}
        is_over = self.state.get("result") == SURVIVED
        if is_over or seed not in {None, self.state.get("seed")} or not self.state:
            seed = random.randrange(10**6) if seed is None else seed
            self.state = {"build": build, "seed": seed, "reached": 0, "result": "", "parts": []}
        self.state["count"] = count

    @property
    def is_done(self) -> bool:
        """Every message has been sent."""
        return self.reached >= int(self.state["count"])

    @property
    def reached(self) -> int:
        """How many messages have been survived."""
        return int(self.state["reached"])

    def run(self, folder: Path, longest_s: float = LONGEST_S) -> None:
        """Send what is left, or what can be sent in time.

        Raises:
            AssertionError: the handset did not live.
        """
        deadline = time.monotonic() + longest_s
        while not self.is_done and time.monotonic() < deadline:
            first = self.reached
            numbers = range(first, min(first - first % PART + PART, self.state["count"]))
            try:
                part = self._run_part(folder / str(first), numbers)
            except BaseException as error:
                self._keep(result=f"stopped within {numbers}: {type(error).__name__}")
                raise
            self.state["parts"].append(part)
            self._keep(reached=numbers.stop, result=SURVIVED if numbers.stop == self.state["count"] else "so far")

    def _run_part(self, folder: Path, numbers: range) -> dict[str, Any]:
        seed = self.state["seed"]
        way = Way.of(seed, numbers.start // PART, reads_bodies=self._reads_bodies)
        began = time.monotonic()
        sizes = []
        with besieged(folder, way, self._environment) as siege:
            # The library keeps transactions for 32 s; what grows from then on would go on to do so.
            for quarter in range(4):
                step = -(-len(numbers) // 4)
                siege.run(seed, numbers[quarter * step : (quarter + 1) * step])
                sizes.append(siege.stack.size())
            took_s = time.monotonic() - began
            requests = int(siege.stack.ask("judged"))
            siege.assert_works()
        return {
            "commit": _commit(),
            "first": numbers.start,
            **asdict(way),
            "requests_behind_the_gate": requests,
            "per_s": round(len(numbers) / took_s),
            "memory_mb": [size.memory_bytes // 1_000_000 for size in sizes],
            "descriptors": [size.descriptors for size in sizes],
            "calls": [size.calls for size in sizes],
        }

    def _keep(self, **changes: object) -> None:
        self.state.update(changes)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.write_text(json.dumps(self.state, indent=1) + "\n")


def _commit() -> str:
    words = ["git", "describe", "--always", "--dirty", "--abbrev=7"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    """Run one by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", choices=BUILDS, default="production")
    parser.add_argument("--seed", type=int, help="of the messages; that of the run before, to go on, where left out")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--parser-off", action="store_true", help="find what only the handset's parser keeps out")
    words = parser.parse_args()
    name = f"fuzz-{words.build}{'-bare' if words.parser_off else ''}"
    log = ROOT / "build" / "soak" / f"{name}.json"
    campaign = Campaign(log, words.build, words.seed, words.count, reads_bodies=not words.parser_off)
    campaign.run(log.with_suffix(".run"))
    sys.stdout.write(log.read_text())


if __name__ == "__main__":
    main()
