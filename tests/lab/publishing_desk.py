"""An operator with a signed policy, a broker, and handsets that come to it by the real connection and answer."""

import asyncio
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from click.testing import CliRunner, Result

from contract.downlink import DownTopic
from contract.messages import OutcomeMessage, Topic
from contract.results import OutcomeCode
from firmware.cli import main
from firmware.ports.broker import BrokerSettings
from firmware.sync.broker import BrokerConnection
from firmware.sync.publications import Publication
from fleet.publisher.record import Record, RecordFolder
from mqtt.problems import BrokerError
from tests.lab.documents import FLEET, Operator
from tests.lab.fleet_broker import FleetBroker

PATIENCE_S: Final = 60.0
Answer = Callable[[str], OutcomeCode | None]


class Handsets:
    """Handsets that are online from `__enter__` to `__exit__`.

    Attributes:
        arrivals: the device and the SHA-256 of each message that has come, in its order.
    """

    def __init__(
        self, broker: FleetBroker, names: Sequence[str], answer: Answer, *, fleet: str = FLEET, can_call: bool = True
    ) -> None:
        """Set up without connecting.

        Args:
            broker: where to.
            names: their device ids.
            answer: what a handset says of a message, by its device id; None for nothing.
            fleet: whose they are.
            can_call: they have a line.
        """
        self.arrivals: list[tuple[str, str]] = []
        self._settings = [broker.settings_of(name, fleet=fleet) for name in names]
        self._answer = answer
        self._can_call = can_call
        self._changed = threading.Condition()
        self._online = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._stop = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        with self._changed:
            assert self._changed.wait_for(lambda: self._online == len(self._settings), PATIENCE_S)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)

    @property
    def reached(self) -> set[str]:
        """Those to whom a message has come."""
        with self._changed:
            return {device for device, _ in self.arrivals}

    def wait_until_reached(self, count: int) -> None:
        """Wait until a message has come to so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len({device for device, _ in self.arrivals}) >= count, PATIENCE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        tasks = [asyncio.create_task(self._live(settings)) for settings in self._settings]
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, settings: BrokerSettings) -> None:
        seq = 0
        while True:
            connection = BrokerConnection(settings)
            try:
                await connection.open()
                await connection.publish_status(can_call=self._can_call)
                if not seq:
                    self._tell(online=1)
                while True:
                    arrival = await connection.unless_lost(asyncio.ensure_future(connection.next_arrival()))
                    seq += 1
                    message = hashlib.sha256(arrival.document).hexdigest()
                    code = self._answer(settings.device)
                    connection.acknowledge(arrival)
                    if code is not None and arrival.document and arrival.topic is not DownTopic.ACK:
                        said = OutcomeMessage(device=settings.device, message=message, code=code, epoch=1, seq=seq)
                        await connection.publish(
                            Publication((), Topic.OUTCOME, said.written(), retain=False)
                        )  # fmt: skip
                    self._tell(arrival=(settings.device, message))
            except BrokerError:
                seq = seq or 1
                await asyncio.sleep(0.05)
            finally:
                await connection.close()

    def _tell(self, *, online: int = 0, arrival: tuple[str, str] | None = None) -> None:
        with self._changed:
            self._online += online
            if arrival is not None:
                self.arrivals.append(arrival)
            self._changed.notify_all()


class PublishingDesk:
    """Whoever publishes: settings, a key, and a signed policy for the fleet of `tests.lab.documents`.

    Attributes:
        policy: the signed file.
    """

    def __init__(self, folder: Path, broker: FleetBroker, *, operator: str = "main") -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.signer = Operator(datetime.now(UTC))
        issued = broker.operator(operator)
        self._settings = folder / "operator.toml"
        self._settings.write_text(
            f'host = "127.0.0.1"\nport = {broker.port}\nca = "{broker.ca_path}"\n'
            f'certificate = "{issued.certificate}"\nkey = "{issued.key}"\nfleet = "{FLEET}"\n'
            f'public = ["{self.signer.trusted.public}"]\n'
        )
        self.policy = self.write("policy", self.signer.policy(1, "2026-03-01"))

    def write(self, name: str, content: bytes) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def arguments(self, *arguments: str | Path) -> list[str]:
        """Return what is typed after `wecall`."""
        return ["fleet", "publish", *map(str, arguments), "--settings", str(self._settings)]

    def run(self, *arguments: str | Path) -> Result:
        """Run the command here."""
        return CliRunner().invoke(main, self.arguments(*arguments))

    def did(self, *arguments: str | Path) -> str:
        """Run it, be sure that it worked, and return what it said."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *arguments: str | Path) -> str:
        """Run it, be sure that it ended with a sentence and not with success, and return what it said."""
        result = self.run(*arguments)
        assert result.exit_code == 1, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.output

    def process(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Run it in a process of its own, which can be killed."""
        program = [sys.executable, "-m", "firmware.cli", *self.arguments(*arguments)]
        return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def record(self) -> Record:
        """Return the one record, as it is now."""
        (record,) = RecordFolder(self.folder / "publications").all()
        return record
