"""Runs `wecall fleet simulate` for whoever needs many handsets, and knows how it stands with them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self

from fleet.simulator.counts import Counts
from fleet.simulator.worker import Truth
from tests.lab.certificates import IssuedCertificate

_END_TIMEOUT_S: Final = 60.0
_ROOT: Final = Path(__file__).parents[2]


class FleetSimulator:
    """Simulated handsets at a broker of the lab, from `start` to `stop`.

    Attributes:
        history: every count that was told, with the seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        ca: Path,
        issue: Callable[[str], IssuedCertificate],
        *,
        devices: int,
        fleet: str = "lab",
        options: Sequence[str] = (),
    ) -> None:
        """Set up without starting.

        Args:
            folder: where its certificates, its log and what really happened go.
            port: the broker's, on this computer.
            ca: the authority that the broker's certificate is of.
            issue: makes a certificate that the broker believes, for a device id.
            devices: how many handsets.
            fleet: their fleet's name.
            options: more for the command.
        """
        self.history: list[tuple[float, Counts]] = []
        self._folder = folder
        self._issue = issue
        self._devices = devices
        self._command = [
            sys.executable, "-m", "firmware.cli", "fleet", "simulate", "--json", "--devices", str(devices),
            "--fleet", fleet, "--broker", f"localhost:{port}", "--certificates", str(folder / "certificates"),
            "--ca", str(ca), "--truth", str(folder / "truth"), *options,
        ]  # fmt: skip
        self._changed = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """What it has complained about."""
        path = self._folder / "simulator.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def counts(self) -> Counts:
        """How it stood last."""
        with self._changed:
            return self.history[-1][1] if self.history else Counts()

    @property
    def pid(self) -> int:
        """The process that has the others."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def certificates(self) -> list[Path]:
        """Where each handset's certificate is; its key lies beside it."""
        return [self._folder / "certificates" / f"sim-{number:05}.pem" for number in range(1, self._devices + 1)]

    def make_certificates(self) -> None:
        """Make those that are missing, as `start` does."""
        for path in self.certificates:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                issued = self._issue(path.stem)
                shutil.copyfile(issued.key, path.with_suffix(".key"))
                shutil.copyfile(issued.certificate, path)

    def start(self) -> None:
        """Make the certificates that are missing, and start it without waiting for its handsets."""
        self.make_certificates()
        with (self._folder / "simulator.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=_ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def wait_for(self, holds: Callable[[Counts], bool], timeout_s: float = 60.0) -> Counts:
        """Wait until something holds of the counts, and return these."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self.history) and holds(self.history[-1][1]), timeout_s):
                raise AssertionError(f"not so within {timeout_s} s: {self.history[-1:]}\n{self.log[-3000:]}")
            return self.history[-1][1]

    def wait_until_all_online(self, timeout_s: float = 60.0) -> Counts:
        return self.wait_for(lambda counts: counts.online == self._devices, timeout_s)

    def stop(self) -> list[Truth]:
        """Have it send what waits, end it in good order, and return what really happened at each handset."""
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        code = process.wait(_END_TIMEOUT_S)
        if self._reader is not None:
            self._reader.join(_END_TIMEOUT_S)
        self._process = None
        if code != 0:
            raise RuntimeError(f"wecall fleet simulate ended with {code}:\n{self.log[-3000:]}")
        lines = (self._folder / "truth").read_text().splitlines()
        return [Truth.model_validate_json(line) for line in lines]

    def kill(self) -> None:
        """End it at once; its processes see that and end too."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_END_TIMEOUT_S)

    def _read(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                told = json.loads(line)
                at_s = told.pop("at_s")
                with self._changed:
                    self.history.append((at_s, Counts(**told)))
                    self._changed.notify_all()
