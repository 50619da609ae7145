"""What is live through the collector's API: who hears what, how often, and what a slow or hostile reader costs."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import Engine, func, select

from contract.messages import Topic, topic_name
from fleet.api import feed as feed_module
from fleet.api import live, server
from fleet.api.feed import Feed
from fleet.collector.database import open_database, prepare
from fleet.collector.settings import Storage
from fleet.tables import calls
from tests.lab.collector_process import CollectorProcess
from tests.lab.fleet_api import NORTH_TOKEN, TOKEN, UNNAMED_TOKEN, FleetApi, token_file
from tests.lab.fleet_broker import FleetBroker
from tests.lab.fleet_page_site import SpokenHandset
from tests.lab.ports import free_port

LIVE: Final = "/api/v1/live"
PATIENCE_S: Final = 20.0


@dataclass(frozen=True)
class Event:
    """One event, `name` being "message" where it has none."""

    name: str
    id: str
    data: str

    @property
    def message(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.data)
        return document


def events(answer: httpx.Response) -> Iterator[Event]:
    """Read events as they come."""
    name, place, data = "message", "", ""
    for line in answer.iter_lines():
        field, _, value = line.partition(": ")
        if line == "":
            yield Event(name, place, data)
            name, place, data = "message", "", ""
        elif field == "event":
            name = value
        elif field == "id":
            place = value
        elif field == "data":
            data = value
        elif line == ":":
            name = "comment"


@contextmanager
def listening(client: httpx.Client, **headers: str) -> Iterator[Iterator[Event]]:
    with client.stream("GET", LIVE, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer)


def until(name: str, heard: Iterator[Event]) -> list[Event]:
    """Return what comes up to the first event of a name, and that one."""
    found = []
    for event in heard:
        found.append(event)
        if event.name == name:
            return found
    raise AssertionError(f"the stream ended without {name}: {found}")


# --- with collectors --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    broker: FleetBroker
    collectors: dict[str, CollectorProcess]
    ports: dict[str, int]

    def client(self, collector: str, token: str = TOKEN) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{self.ports[collector]}"
        return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    tmp_path = tmp_path_factory.mktemp("fleet-live")
    broker = FleetBroker(tmp_path / "broker", collectors=("main", "second"), fleets=("north", "south"))
    tokens = token_file(tmp_path)
    ports = {name: free_port(socket.SOCK_STREAM) for name in ("main", "second")}
    collectors = {
        name: CollectorProcess(
            tmp_path / name, broker, name=name, url=f"sqlite:///{tmp_path / 'calls.db'}",
            tables={"http": {"port": ports[name], "token_file": tokens}},
        )
        for name in ports
    }  # fmt: skip
    with broker, ExitStack() as stack:
        for collector in collectors.values():
            stack.enter_context(collector)
        yield Site(broker, collectors, ports)


@pytest.mark.feature("fleet API")
def test_at_each_of_two_collectors_everything_is_heard_once_whichever_of_them_stores_it(site: Site) -> None:
    with ExitStack() as stack:
        handset = SpokenHandset(site.broker, "north", "desk-1")
        stack.enter_context(handset.connected())
        handset.consent()
        handset.status("online")
        streams = {}
        for name in site.ports:
            client = stack.enter_context(site.client(name))
            heard = stack.enter_context(listening(client))
            assert "broker" in {event.name for event in until("broker", heard)}
            streams[name] = heard
        numbers = [handset.call("+862111111111") for _ in range(20)]
        handset.status("offline")
        for heard in streams.values():
            seen: list[int] = []
            while True:
                event = next(heard)
                if event.name != "message":
                    continue
                topic, payload = event.message["topic"], event.message["payload"]
                if topic == topic_name("north", "desk-1", Topic.CDR):
                    seen += [record["seq"] for record in json.loads(payload)["records"]]
                if topic == topic_name("north", "desk-1", Topic.STATUS) and "offline" in payload:
                    break
            # A status comes by another subscription, and may overtake what was said before it by a moment.
            while len(seen) < len(numbers):
                event = next(heard)
                if event.name == "message" and event.message["topic"].endswith("/cdr"):
                    seen += [record["seq"] for record in json.loads(event.message["payload"])["records"]]
            assert sorted(seen) == numbers
    engine = site.collectors["main"].engine()
    wait_until(lambda: stored(engine) == len(numbers))
    engine.dispose()


def test_a_picture_has_what_handsets_said_before_and_nobody_hears_of_another_fleet(site: Site) -> None:
    with ExitStack() as stack:
        for fleet in ("north", "south"):
            handset = SpokenHandset(site.broker, fleet, f"{fleet}-1")
            stack.enter_context(handset.connected())
            handset.consent()
            handset.status("online")
            handset.publish(topic_name(fleet, f"{fleet}-1", Topic.STATUS), b"rubbish", retain=True)
            handset.status("offline")
        wait_until(lambda: "offline" in picture(site, TOKEN)[topic_name("south", "south-1", Topic.STATUS)])
        of_all, of_north = picture(site, TOKEN), picture(site, NORTH_TOKEN)
        assert {topic.rpartition("/")[2] for topic in of_all if "-1/" in topic} == {"status", "consent"}
        assert of_north == {topic: payload for topic, payload in of_all.items() if topic.split("/")[2] == "north"}
        assert not any("rubbish" in payload for payload in of_all.values())


def test_a_broker_that_goes_and_comes_back_is_told(site: Site) -> None:
    with site.client("main") as client, listening(client) as heard:
        assert until("broker", heard)[-1].data == "on"
        site.broker.kill()
        assert until("broker", heard)[-1].data == "lost"
        site.broker.start()
        assert until("broker", heard)[-1].data == "on"


# --- the API alone ----------------------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"))
    prepare(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def feed() -> Feed:
    feed = Feed()
    feed.is_connected = True
    return feed


@pytest.fixture
def api(engine: Engine, feed: Feed, tmp_path: Path) -> Iterator[FleetApi]:
    named = {"dashboard.main": "*"}
    with FleetApi(engine, tmp_path, feed=feed, login=lambda _user, _word: True, user_fleets=named) as api:
        yield api
        # Or else it waits for those who still listen.
        feed.is_closed = True


def call(feed: Feed, text: str) -> None:
    feed.take("north", "wecall/v1/north/a/cdr", text.encode(), is_kept=False)


def test_whoever_may_not_see_hears_nothing(api: FleetApi) -> None:
    for token, fleet, status in (
        (None, "", 401),
        ("x" * 43, "", 401),
        (UNNAMED_TOKEN, "", 403),
        (NORTH_TOKEN, "south", 403),
    ):
        with api.client_with(token) as somebody:
            assert somebody.get(LIVE, params={"fleet": fleet} if fleet else {}).status_code == status


def test_where_nobody_listens_to_a_broker_that_is_said(engine: Engine, tmp_path: Path) -> None:
    with FleetApi(engine, tmp_path) as api:
        got = api.client.get(LIVE)
        assert (got.status_code, got.json()["detail"]) == (503, "Beside this server nobody listens to a broker.")


def test_whoever_logs_out_hears_no_more(api: FleetApi, feed: Feed) -> None:
    with api.client_with(None) as somebody:
        token = somebody.post("/api/v1/session", json={"user": "dashboard.main", "password": "x"}).json()["token"]
    with api.client_with(token) as person, listening(person) as heard:
        until("broker", heard)
        with api.client_with(token) as same:
            assert same.delete("/api/v1/session").status_code == 204
        call(feed, "of-after")
        assert [event for event in heard if "of-after" in event.data] == []


def test_after_an_interruption_it_goes_on_where_it_was(api: FleetApi, feed: Feed) -> None:
    with listening(api.client) as heard:
        until("broker", heard)
        call(feed, "1")
        place = until("message", heard)[-1].id
    call(feed, "2")
    with listening(api.client, **{"Last-Event-ID": place}) as heard:
        came = until("broker", heard)
        assert [event.message["payload"] for event in came if event.name == "message"] == ["2"]
        assert "anew" not in {event.name for event in came}
    with listening(api.client, **{"Last-Event-ID": f"0{place}"}) as heard:
        assert next(heard).name == "anew"


def test_more_than_there_may_be_are_told_so_and_come_in_when_one_has_gone(
    api: FleetApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "MAX_FOLLOWERS", 2)
    with listening(api.client_with(TOKEN)) as one:
        until("broker", one)
        with listening(api.client_with(TOKEN)) as other:
            until("broker", other)
            refused = api.client.get(LIVE)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
            assert refused.json()["detail"].startswith("As many as can be follow what is live here")
        wait_until(lambda: comes_in(api))


def test_a_silent_connection_says_that_it_stands(api: FleetApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ALIVE_S", 0.3)
    with listening(api.client) as heard:
        assert until("comment", heard)


def test_a_slow_reader_holds_up_nobody_takes_no_room_and_begins_anew(
    api: FleetApi, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "MOST_RECENT", 100)
    with listening(api.client_with(TOKEN)) as slow, listening(api.client_with(TOKEN)) as quick:
        until("broker", slow)
        until("broker", quick)
        for number in range(400):
            call(feed, f"{number} " + "x" * 100_000)
            # It is read as it comes.
            while f'"payload":"{number} ' not in next(quick).data:
                pass
        came = until("anew", slow)
        assert len(came) < 300
        assert came[-1].name == "anew"


def test_whoever_reads_nothing_for_too_long_is_let_go_of(
    engine: Engine, feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SLOWEST_MS", 1000)
    monkeypatch.setattr(feed_module, "MAX_FOLLOWERS", 1)
    with FleetApi(engine, tmp_path, feed=feed) as api, socket.socket() as dead:
        dead.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        dead.connect(("127.0.0.1", int(api.url.rpartition(":")[2])))
        dead.sendall(f"GET {LIVE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        assert dead.recv(12) == b"HTTP/1.1 200"
        assert api.client.get(LIVE).status_code == 503
        # More than the kernel takes for a reader, and less than is kept.
        for number in range(100):
            call(feed, f"{number} " + "x" * 100_000)
        wait_until(lambda: comes_in(api))
        feed.is_closed = True


def picture(site: Site, token: str) -> dict[str, str]:
    with site.client("main", token) as client, listening(client) as heard:
        kept = [event.message for event in until("whole", heard)[1:-1]]
    assert all(message["retained"] for message in kept)
    return {message["topic"]: message["payload"] for message in kept}


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(calls)).scalar_one()


def comes_in(api: FleetApi) -> bool:
    with api.client.stream("GET", LIVE) as answer:
        return answer.status_code == 200


def wait_until(holds: Any) -> None:
    deadline_s = time.monotonic() + 2 * PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
