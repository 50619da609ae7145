"""Who may say and hear what at the broker that ships: the whole table, asked of a real Mosquitto."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Literal

import pytest

from tests.lab.broker_guest import SESSION_TAKEN_OVER, Guest, TurnedAwayError
from tests.lab.fleet_broker import FleetBroker

Door = Literal["certificate", "password"]

DOORS: Final[dict[str, Door]] = {
    "desk-1": "certificate",
    "desk-2": "certificate",
    "collector.main": "certificate",
    "collector.second": "certificate",
    "operator.main": "certificate",
    "operator.anna": "certificate",
    "dashboard.main": "password",
    "dashboard.second": "password",
    "dashboard.home-assistant": "password",
}

UP: Final = ("status", "cdr", "consent", "erasure", "outcome")
DOWN: Final = ("ack", "policy", "notice", "answer", "bundle")
PUBLICATION: Final = f"wecall-fleet/v1/lab/publication/{'0' * 64}"
BROKERS_OWN: Final = "$SYS/broker/version"
# Below the names of all who come in: nobody but a handset may be taken for one.
OF_A_DEVICE: Final = tuple(
    topic
    for name in DOORS
    for topic in (
        *(f"wecall/v1/lab/{name}/{level}" for level in (*UP, *DOWN, "other")),
        f"homeassistant/device/{name}/config",
        f"homeassistant/sensor/{name}/config",
        f"wecall/v1/elsewhere/{name}/cdr",
    )
)
OTHERS: Final = (
    PUBLICATION,
    "wecall-fleet/v1/lab/other/x",
    "homeassistant/status",
    "wecall/v1/lab/desk-1",
    "wecall/v2/lab/desk-1/cdr",
    "wecall/v1/lab/desk-1/cdr/more",
    "anything",
)
TOPICS: Final = (*OF_A_DEVICE, *OTHERS)


def of(names: tuple[str, ...], levels: tuple[str, ...]) -> set[str]:
    return {f"wecall/v1/lab/{name}/{level}" for name in names for level in levels}


def others_than(name: str) -> tuple[str, ...]:
    return tuple(other for other in DOORS if other != name)


def what_may_be_said(name: str) -> set[str]:
    """Say it anew, and not in the words of the access list."""
    role = name.partition(".")[0]
    if role == "collector":
        return of(others_than(name), ("ack",))
    if role == "operator":
        return of(others_than(name), ("policy", "notice", "answer", "bundle")) | {PUBLICATION}
    if role == "dashboard":
        return {"homeassistant/status"} if name == "dashboard.home-assistant" else set()
    return of((name,), UP) | {f"homeassistant/device/{name}/config"}


def what_may_be_heard(name: str) -> set[str]:
    role = name.partition(".")[0]
    everybodys = others_than(name)
    if role == "collector":
        return of(everybodys, UP) | {PUBLICATION, BROKERS_OWN}
    if role == "operator":
        return of(everybodys, ("status", "outcome")) | {PUBLICATION}
    if name == "dashboard.home-assistant":
        ours = {topic for topic in TOPICS if topic.startswith("homeassistant/") and f"device/{name}" not in topic}
        return of(everybodys, ("status", "cdr", "consent", "outcome")) | ours
    if role == "dashboard":
        return of(everybodys, UP) | {PUBLICATION}
    return of((name,), DOWN)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetBroker]:
    with FleetBroker(
        tmp_path_factory.mktemp("fleet") / "broker",
        collectors=("main", "second"),
        operators=("main", "anna"),
        dashboards=("main", "second", "home-assistant"),
    ) as broker:
        yield broker


@pytest.mark.feature("broker rights")
def test_each_may_say_what_is_theirs_and_nothing_else(broker: FleetBroker) -> None:
    for name, door in DOORS.items():
        with Guest(broker, name, door=door) as guest:
            assert {topic for topic in TOPICS if guest.may_publish(topic)} == what_may_be_said(name), name


def test_each_hears_what_is_theirs_and_nothing_else(broker: FleetBroker) -> None:
    with ExitStack() as stack:
        guests = {name: stack.enter_context(Guest(broker, name, door=door)) for name, door in DOORS.items()}
        for guest in guests.values():
            guest.subscribe("#", "$SYS/#")
        said = {topic for guest in guests.values() for topic in TOPICS if guest.may_publish(topic)}
        for name, guest in guests.items():
            # Its answer comes behind all that was on the way before.
            guest.subscribe("#")
            heard = {message.topic for message in guest.heard}
            owns = {topic for topic in heard if topic.startswith("$SYS/")}
            expected = what_may_be_heard(name)
            assert heard - owns == {topic for topic in expected - {BROKERS_OWN} if topic in said}, name
            assert bool(owns) is (BROKERS_OWN in expected), name


@pytest.mark.feature("broker rights")
def test_of_several_fleets_a_handset_speaks_in_its_own_alone_and_as_itself(tmp_path: Path) -> None:
    fleets = {"desk-1": "north", "desk-2": "south"}
    names = (*fleets, "stranger")
    topics = {
        f"wecall/v1/{fleet}/{name}/{level}" for fleet in ("north", "south") for name in names for level in (*UP, *DOWN)
    } | {f"homeassistant/device/{name}/config" for name in names}
    with FleetBroker(tmp_path / "broker", handsets=fleets) as broker, Guest(broker, "operator.main") as operator:
        for name in names:
            own = f"wecall/v1/{fleets.get(name, '-')}/{name}"
            expected = {f"{own}/{level}" for level in UP} | {f"homeassistant/device/{name}/config"}
            with Guest(broker, name) as handset:
                handset.subscribe("#")
                said = {topic for topic in topics if handset.may_publish(topic)}
                assert said == (expected if name in fleets else set()), name
                for topic in topics:
                    operator.may_publish(topic)
                handset.subscribe("#")
                heard = {message.topic for message in handset.heard}
                assert heard == ({f"{own}/{level}" for level in DOWN} - {f"{own}/ack"} if name in fleets else set())


@pytest.mark.parametrize(
    ("name", "door", "topic"),
    [
        ("desk-2", "certificate", "wecall/v1/elsewhere/desk-2/status"),
        ("desk-2", "certificate", "wecall/v1/lab/desk-1/status"),
        ("desk-2", "certificate", "wecall/v1/lab/desk-2/policy"),
        ("dashboard.main", "password", "wecall/v1/lab/dashboard.main/cdr"),
        ("dashboard.second", "password", "wecall/v1/lab/desk-1/cdr"),
    ],
)
def test_a_last_will_says_no_more_than_whoever_leaves_it_may(
    broker: FleetBroker, name: str, door: Door, topic: str
) -> None:
    with Guest(broker, "collector.main") as collector:
        collector.subscribe("wecall/v1/#")
        with Guest(broker, name, door=door, client_id="somebody", will=topic) as leaving:
            leaving.leave_a_will()
        with Guest(broker, "desk-3", will="wecall/v1/lab/desk-3/status") as leaving:
            leaving.leave_a_will()
        heard = collector.wait_for(lambda heard: any(not message.retain for message in heard))
        assert [message.topic for message in heard if not message.retain] == ["wecall/v1/lab/desk-3/status"]
    with Guest(broker, "desk-3") as back:
        # What the broker keeps would be heard by whoever comes later.
        assert back.may_publish("wecall/v1/lab/desk-3/status", b"", retain=True)
    with Guest(broker, "desk-2") as neighbour:
        neighbour.subscribe("wecall/v1/#")
        neighbour.subscribe("wecall/v1/lab/desk-2/ack")
        assert neighbour.heard == []


def test_whoever_shows_nothing_does_not_come_in_anywhere(broker: FleetBroker) -> None:
    doors: tuple[Door, ...] = ("certificate", "password")
    for door in doors:
        with pytest.raises(TurnedAwayError), Guest(broker, "", client_id="desk-1", door=door):
            pass


def test_a_wrong_password_and_a_user_without_one_are_turned_away(broker: FleetBroker) -> None:
    with pytest.raises(TurnedAwayError), Guest(broker, "dashboard.main", door="password", password="wrong"):
        pass
    for name in ("collector.main", "operator.main", "desk-1"):
        with pytest.raises(TurnedAwayError), Guest(broker, name, door="password", password="secret-of-main"):
            pass


def test_the_certificate_of_the_broker_itself_lets_nobody_in(broker: FleetBroker) -> None:
    with pytest.raises(TurnedAwayError), Guest(broker, "broker", certificate=broker.of_itself):
        pass


@pytest.mark.feature("broker rights")
@pytest.mark.parametrize(("name", "door"), [("desk-2", "certificate"), ("dashboard.main", "password")])
def test_nobody_takes_the_place_of_a_neighbour_whatever_they_call_themselves(
    broker: FleetBroker, name: str, door: Door
) -> None:
    with Guest(broker, "desk-1", session_s=600) as neighbour:
        neighbour.subscribe("wecall/v1/lab/desk-1/policy")
        with (
            Guest(broker, name, door=door, client_id="desk-1", session_s=600),
            Guest(broker, "operator.main") as operator,
        ):
            assert neighbour.may_publish("wecall/v1/lab/desk-1/cdr")
            assert operator.may_publish("wecall/v1/lab/desk-1/policy", b"for desk-1")
            neighbour.wait_for(lambda heard: heard[-1:] != [] and heard[-1].payload == b"for desk-1")


def test_what_waits_for_a_handset_goes_to_nobody_who_uses_its_name(broker: FleetBroker) -> None:
    with Guest(broker, "desk-1", session_s=600) as away:
        away.subscribe("wecall/v1/lab/desk-1/policy")
    with Guest(broker, "operator.main") as operator:
        assert operator.may_publish("wecall/v1/lab/desk-1/policy", b"waits")
    with Guest(broker, "desk-2", client_id="desk-1", session_s=600) as other:
        other.subscribe("$share/any/#")
        assert other.heard == []
    with Guest(broker, "desk-1", session_s=600) as back:
        back.wait_for(lambda heard: [each.payload for each in heard] == [b"waits"])


def test_a_second_client_with_the_same_certificate_takes_the_place_of_the_first(broker: FleetBroker) -> None:
    with Guest(broker, "desk-1") as first, Guest(broker, "desk-1", client_id="somebody-else"):
        assert first.wait_for_the_end() == SESSION_TAKEN_OVER


def test_a_certificate_that_was_taken_back_comes_in_no_more_after_a_restart(broker: FleetBroker) -> None:
    lost = broker.another_certificate("desk-3")
    with Guest(broker, "desk-3", certificate=lost):
        pass
    broker.revoke(lost)
    broker.restart()
    with pytest.raises(TurnedAwayError), Guest(broker, "desk-3", certificate=lost):
        pass
    with Guest(broker, "desk-3"), Guest(broker, "desk-1"):
        pass


def test_what_is_kept_and_what_waits_for_a_collector_outlasts_a_restart(broker: FleetBroker) -> None:
    with Guest(broker, "collector.main", session_s=600) as collector:
        collector.subscribe("$share/its-own-word/wecall/v1/+/+/cdr")
    with Guest(broker, "desk-1") as handset, Guest(broker, "operator.main") as operator:
        assert handset.may_publish("wecall/v1/lab/desk-1/cdr", b"waits")
        assert operator.may_publish("wecall/v1/lab/desk-1/notice", b"kept", retain=True)
    broker.restart()
    with Guest(broker, "collector.main", session_s=600) as collector, Guest(broker, "desk-1") as handset:
        collector.wait_for(lambda heard: [each.payload for each in heard] == [b"waits"])
        handset.subscribe("wecall/v1/lab/desk-1/notice")
        handset.wait_for(lambda heard: [each.payload for each in heard] == [b"kept"])


def test_the_largest_bundle_gets_through_and_a_larger_packet_ends_its_sender(broker: FleetBroker) -> None:
    bundle = bytes(4 * 1024 * 1024)
    with Guest(broker, "desk-1") as handset, Guest(broker, "operator.main") as operator:
        handset.subscribe("wecall/v1/lab/desk-1/bundle")
        assert operator.may_publish("wecall/v1/lab/desk-1/bundle", bundle)
        handset.wait_for(lambda heard: [each.payload for each in heard] == [bundle])
    with Guest(broker, "operator.main") as operator:
        operator.send("wecall/v1/lab/desk-1/bundle", bytes(5 * 1024 * 1024))
        operator.wait_for_the_end()


def test_a_handset_can_listen_in_on_a_group_whose_name_it_knows_and_then_takes_its_share(broker: FleetBroker) -> None:
    """Mosquitto asks nobody at SUBSCRIBE: that is why the name of the collectors' group is a secret."""
    with Guest(broker, "collector.main") as collector, Guest(broker, "desk-2") as thief, Guest(broker, "desk-1") as one:
        collector.subscribe("$share/guessed/wecall/v1/+/+/cdr")
        thief.subscribe("$share/guessed/wecall/v1/+/+/cdr")
        for _ in range(4):
            assert one.may_publish("wecall/v1/lab/desk-1/cdr")
        collector.subscribe("$share/guessed/wecall/v1/+/+/cdr")
        assert len(collector.heard) == 2
        assert thief.heard == []


def test_a_collector_that_is_away_keeps_its_share_until_its_session_is_taken_away(broker: FleetBroker) -> None:
    shared = "$share/its-word/wecall/v1/+/+/cdr"
    with Guest(broker, "collector.second", session_s=600) as gone:
        gone.subscribe(shared)
    with Guest(broker, "collector.main") as collector, Guest(broker, "desk-1") as handset:
        collector.subscribe(shared)
        for _ in range(4):
            assert handset.may_publish("wecall/v1/lab/desk-1/cdr")
        collector.subscribe(shared)
        assert len(collector.heard) == 2
        with Guest(broker, "collector.second"):
            pass
        for _ in range(4):
            assert handset.may_publish("wecall/v1/lab/desk-1/cdr")
        collector.subscribe(shared)
        assert len(collector.heard) == 2 + 4
