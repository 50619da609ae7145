"""`wecall fleet simulate` at the broker of a fleet: what its handsets send is what real ones would."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from contract.downlink import AckMessage
from contract.messages import CdrMessage, ConsentMessage, ErasureMessage, OutcomeMessage, RecordRange
from fleet.simulator.worker import Truth
from tests.lab.fleet_broker import FLEET, FleetBroker
from tests.lab.fleet_simulator import FleetSimulator

DEVICES = 50
MODELS: Mapping[str, type[CdrMessage | ConsentMessage | ErasureMessage | OutcomeMessage]] = {
    "cdr": CdrMessage,
    "consent": ConsentMessage,
    "erasure": ErasureMessage,
    "outcome": OutcomeMessage,
}
Key = tuple[str, int, int]


class Listener:
    """Takes everything in, holds it against the models, and confirms records and notices as a collector does.

    Attributes:
        arrivals: how often each record came.
        erased: each record that a notice named, by then or later.
        invalid: messages that no handset may send.
        states: what each device last said of itself, or its last will.
    """

    def __init__(self, broker: FleetBroker, *, confirms_after: int = 1) -> None:
        self.arrivals: dict[Key, int] = {}
        self.erased: set[Key] = set()
        self.outcomes: list[OutcomeMessage] = []
        self.states: dict[str, str] = {}
        self.invalid: list[str] = []
        self._confirms_after = confirms_after
        self._changed = threading.Condition()
        issued = broker.collector()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="collector.main", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.tls_set(str(broker.ca_path), str(issued.certificate), str(issued.key))
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"wecall/v1/+/+/{level}", SubscribeOptions(qos=1)) for level in ("status", *MODELS)]
        )
        self._port = broker.port

    def __enter__(self) -> Self:
        self._client.connect("localhost", self._port)
        self._client.loop_start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_for(self, holds: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(holds, 60), f"{len(self.arrivals)} records, {self.invalid[:3]}"

    def _on_message(self, client: Client, _userdata: Any, message: MQTTMessage) -> None:
        prefix, _, level = message.topic.rpartition("/")
        device = prefix.rpartition("/")[2]
        with self._changed:
            if level == "status":
                self.states[device] = json.loads(message.payload)["state"]
            else:
                self._take(client, device, level, message)
            self._changed.notify_all()

    def _take(self, client: Client, device: str, level: str, message: MQTTMessage) -> None:
        try:
            said = MODELS[level].read(message.payload)
        except ValueError as error:
            self.invalid.append(f"{message.topic}: {error}")
            return
        numbers: list[tuple[int, int]] = []
        match said:
            case CdrMessage():
                numbers = [(each.epoch, each.seq) for each in said.records]
                for epoch, seq in numbers:
                    key = (device, epoch, seq)
                    self.arrivals[key] = self.arrivals.get(key, 0) + 1
                numbers = [each for each in numbers if self.arrivals[device, *each] >= self._confirms_after]
            case ErasureMessage():
                numbers = [(said.epoch, said.seq)]
                for each in said.records:
                    self.erased |= {(device, each.epoch, seq) for seq in range(each.first, each.last + 1)}
            case OutcomeMessage():
                self.outcomes.append(said)
        if numbers:
            ranges = tuple(RecordRange(epoch=epoch, first=seq, last=seq) for epoch, seq in numbers)
            ack = AckMessage(collector="main", messages=ranges)
            client.publish(f"{message.topic.removesuffix(level)}ack", ack.written(), qos=1)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[FleetBroker]:
    with FleetBroker(tmp_path / "broker") as broker:
        yield broker


def simulator(broker: FleetBroker, folder: Path, devices: int, *options: str) -> FleetSimulator:
    return FleetSimulator(
        folder / "simulator", broker.port, broker.ca_path, broker.device, devices=devices, fleet=FLEET,
        options=("--longest-pause", "1", "--call-seconds", "0.5", *options),
    )  # fmt: skip


def numbers_of(truth: list[Truth], part: Callable[[Truth], tuple[tuple[int, int], ...]]) -> set[Key]:
    return {
        (each.device, each.epoch, number)
        for each in truth
        for first, last in part(each)
        for number in range(first, last + 1)
    }


@pytest.mark.feature("fleet simulator")
def test_a_fleet_calls_loses_its_network_changes_its_mind_and_everything_arrives_as_it_was(
    broker: FleetBroker, tmp_path: Path
) -> None:
    lively = ("--calls-per-hour", "720", "--outages", "60", "--outage-seconds", "1", "--changes", "20000")
    with (
        Listener(broker) as listener,
        simulator(broker, tmp_path, DEVICES, *lively, "--clock-errors", "0.3") as fleet,
    ):
        listener.wait_for(lambda: list(listener.states.values()).count("online") == DEVICES)
        counts = fleet.wait_for(lambda now: now.outages >= 5 and now.acked >= 50 and now.erased >= 2)
        assert counts.lost >= 5, "whoever is cut off is offline"
        truth = fleet.stop()
        listener.wait_for(lambda: set(listener.states.values()) == {"offline"})
    assert listener.invalid == []
    assert [each.waiting for each in truth] == [0] * DEVICES
    kept, taken_back = (
        numbers_of(truth, lambda each: each.kept),
        numbers_of(truth, lambda each: each.taken_back),
    )
    assert set(listener.arrivals) - taken_back == kept
    assert listener.erased <= taken_back
    assert set(listener.arrivals) & taken_back <= listener.erased
    assert fleet.counts.recorded == len(kept | taken_back)


CALM = ("--outages", "0", "--changes", "0", "--consent", "1", "--clock-errors", "0", "--finish", "60")


def test_what_nobody_confirms_comes_again_until_somebody_does(broker: FleetBroker, tmp_path: Path) -> None:
    often = ("--calls-per-hour", "600", "--repeat-after", "0.5")
    with Listener(broker, confirms_after=2) as listener, simulator(broker, tmp_path, 10, *CALM, *often) as fleet:
        fleet.wait_for(lambda counts: counts.acked >= 5)
        truth = fleet.stop()
    assert [each.waiting for each in truth] == [0] * 10
    assert set(listener.arrivals) == numbers_of(truth, lambda each: each.kept)
    assert min(listener.arrivals.values()) >= 2


def test_all_come_back_when_the_broker_was_killed_and_nothing_is_lost(broker: FleetBroker, tmp_path: Path) -> None:
    often = ("--calls-per-hour", "1200", "--repeat-after", "1")
    with Listener(broker) as listener, simulator(broker, tmp_path, 20, *CALM, *often) as fleet:
        fleet.wait_until_all_online()
        fleet.wait_for(lambda counts: counts.acked >= 10)
        broker.kill()
        before = fleet.wait_for(lambda counts: counts.online == 0).recorded
        fleet.wait_for(lambda counts: counts.recorded >= before + 10)
        broker.start()
        fleet.wait_until_all_online()
        truth = fleet.stop()
    assert [each.waiting for each in truth] == [0] * 20
    assert set(listener.arrivals) == numbers_of(truth, lambda each: each.kept)


def test_a_simulator_that_is_killed_leaves_no_process_behind(broker: FleetBroker, tmp_path: Path) -> None:
    with Listener(broker) as listener, simulator(broker, tmp_path, 4, "--processes", "2") as fleet:
        listener.wait_for(lambda: list(listener.states.values()).count("online") == 4)
        fleet.kill()
        listener.wait_for(lambda: set(listener.states.values()) == {"offline"})
