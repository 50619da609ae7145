"""Why calls drop: a broken place, a broken registrar and a broken handset in a week of a thousand simulated ones."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import Engine

from contract.calls import CallDirection, DisconnectReason
from fleet.collector.batch import write_batch
from fleet.collector.database import open_database, prepare, writing
from fleet.collector.quarantine import Sender
from fleet.collector.reading import Call, Calls, Reading
from fleet.collector.settings import Storage
from fleet.simulator.trouble import broken_handset, broken_place, broken_registrar
from tests.lab.browser import Browser
from tests.lab.fleet_api import FleetApi
from tests.lab.fleet_week import FleetWeek
from tests.lab.postgres import Postgres
from tools.page.vendor import AXE

pytestmark = pytest.mark.timeout(600)
in_one_loop = pytest.mark.asyncio(loop_scope="module")

PATIENCE_MS: Final = 30_000
PLACES: Final = {name: f"Hotel {number // 40:02}" for number, name in enumerate(FleetWeek().names)}
BROKEN_PLACE: Final = "Hotel 05"
BROKEN_HANDSET: Final = "sim-00777"
NOON: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)

_FAULTS: Final = """async () => {
  const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run(document, { runOnly });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
}"""


def table_of_places(folder: Path) -> Path:
    """Write the table of installers, which says where each handset stands."""
    rows = (f"{number:016x},{name},{place}\n" for number, (name, place) in enumerate(PLACES.items()))
    table = folder / "devices.csv"
    table.write_text("serial,device_id,place\n" + "".join(rows))
    return table


def causes(api: FleetApi, **asked: Any) -> dict[str, Any]:
    got = api.client.get("/api/v1/calls/causes", params=asked)
    assert got.status_code == 200, got.text
    document: dict[str, Any] = got.json()
    return document


def names(document: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    return [(each["kind"], each["device"] or each["place"]) for each in document["causes"]]


# --- a week of a thousand handsets ------------------------------------------------------------------------------------


class Broken:
    """A week in which something is broken, and the hour in which the registrar was."""

    def __init__(self, folder: Path) -> None:
        # Fewer calls than an office has: enough to tell, and soon written.
        self.week = FleetWeek(calls_a_day=6)
        self.hour = (self.week.end - timedelta(days=2)).replace(minute=0, second=0)
        self.week.troubles = (
            broken_place([name for name, place in PLACES.items() if place == BROKEN_PLACE]),
            broken_registrar(self.week.names, self.hour.timestamp(), self.hour.timestamp() + 3600),
            broken_handset(BROKEN_HANDSET),
        )
        storage = Storage(url=f"sqlite:///{folder / 'calls.db'}")
        self.calls = self.week.fill(open_database(storage))
        self.api = FleetApi(
            open_database(storage, only_reads=True),
            folder,
            login=lambda _user, _password: True,
            names=table_of_places(folder),
            user_fleets={"dashboard.main": "*"},
        )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    broken = Broken(tmp_path_factory.mktemp("broken"))
    with broken.api:
        yield broken


@pytest.mark.feature("why calls drop")
def test_place_registrar_and_handset_are_named_and_nothing_else(broken: Broken) -> None:
    found = causes(broken.api, **{"from": broken.week.start.isoformat()})
    assert broken.calls - found["calls"] < 10, "all but what ends after the week"
    assert sorted(names(found), key=str) == [("handset", BROKEN_HANDSET), ("many", None), ("place", BROKEN_PLACE)]
    by_kind = {each["kind"]: each for each in found["causes"]}
    assert by_kind["place"]["drop"] == "network_lost"
    assert by_kind["place"]["handsets"] == 40
    assert by_kind["many"]["drop"] == "server_error"
    assert by_kind["many"]["handsets"] > 100
    begins, ends = (datetime.fromisoformat(by_kind["many"][name]) for name in ("start", "end"))
    assert abs(begins - hour_of(broken, 0)) <= timedelta(minutes=10)
    assert abs(ends - hour_of(broken, 1)) <= timedelta(minutes=10)
    assert by_kind["handset"]["drop"] in {"interrupted", "quick_redial"}
    assert by_kind["handset"]["place"] == PLACES[BROKEN_HANDSET]
    for each in found["causes"]:
        assert each["dropped"] > 3 * each["usual"] * each["calls"]
        assert each["chance"] < 0.001


def hour_of(broken: Broken, hours: int) -> datetime:
    return broken.hour + timedelta(hours=hours)


def test_each_row_says_which_of_the_three_it_is(broken: Broken) -> None:
    found = causes(broken.api, **{"from": broken.week.start.isoformat()})
    rows = {row["device"]: row for row in found["handsets"]}
    assert (rows[BROKEN_HANDSET]["cause"], rows[BROKEN_HANDSET]["others"]) == ("handset", 0)
    assert rows[BROKEN_HANDSET]["interrupted"] >= 3
    assert rows[BROKEN_HANDSET]["quick_redial"] >= 3
    there = [row for row in found["handsets"] if row["place"] == BROKEN_PLACE]
    assert len(there) == 40
    assert sum((row["cause"], row["others"]) == ("place", 39) for row in there) > 35
    places = {row["place"]: row for row in found["places"]}
    assert {place for place, row in places.items() if row["cause"] == "place"} == {BROKEN_PLACE}
    assert places[BROKEN_PLACE]["handsets"] == 40
    worst = found["minutes"][0]
    assert (worst["cause"], worst["cause_drop"]) == ("many", "server_error")
    assert hour_of(broken, 0) <= datetime.fromisoformat(worst["minute"]) < hour_of(broken, 1)
    assert worst["others"] > 100, "12 others too"


def test_a_row_leads_to_the_calls_behind_it(broken: Broken) -> None:
    found = causes(broken.api, **{"from": broken.week.start.isoformat()})
    span = {"from": found["start"], "to": found["end"]}
    assert len(broken.api.rows("calls/dropped", limit=5000, **span)) == found["dropped"]
    row = next(row for row in found["handsets"] if row["device"] == BROKEN_HANDSET)
    behind = broken.api.rows("calls/dropped", limit=7, device=BROKEN_HANDSET, **span)
    assert len(behind) == row["dropped"]
    assert sum(call["drop"] == "interrupted" for call in behind) == row["interrupted"]
    assert sum(call["redialled"] for call in behind) == row["quick_redial"]
    at_place = broken.api.rows("calls/dropped", limit=5000, place=BROKEN_PLACE, **span)
    assert {PLACES[call["device"]] for call in at_place} == {BROKEN_PLACE}
    assert broken.api.rows("calls/dropped", place="Nowhere", **span) == []


def test_without_names_of_places_the_registrar_is_still_named(broken: Broken, tmp_path: Path) -> None:
    engine = broken.api.engine
    with FleetApi(engine, tmp_path) as nameless:
        found = causes(nameless, **{"from": broken.week.start.isoformat()})
    assert ("many", None) in names(found)
    assert found["places"] == []
    assert {row["place"] for row in found["handsets"]} == {None}


def test_a_quiet_week_has_no_cause(tmp_path: Path) -> None:
    engine = open_database(Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"))
    week = FleetWeek(calls_a_day=4, seed=2)
    week.fill(engine)
    with FleetApi(engine, tmp_path, names=table_of_places(tmp_path)) as api:
        for days in (7, 1):
            found = causes(api, **{"from": (week.end - timedelta(days=days)).isoformat()})
            assert found["causes"] == []
            assert found["dropped"] > 0
            assert {row["cause"] for row in (*found["handsets"], *found["places"], *found["minutes"])} == {None}


# --- what counts as dropped -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path) -> Engine:
    url = postgres.url if request.param == "postgresql" else f"sqlite:///{tmp_path / 'calls.db'}"
    engine = open_database(Storage(url=url))
    prepare(engine)
    return engine


def call(device: str, seq: int, *, after_s: float = 0.0, talk_s: float | None = 60.0, **changes: Any) -> Call:
    """Return an outgoing call that began so long after noon and was answered after a second."""
    started_at = NOON + timedelta(seconds=after_s)
    answered_at = None if talk_s is None else started_at + timedelta(seconds=1)
    usual = {
        "fleet": "hotel", "epoch": 1, "id": "0" * 32, "account": "0" * 32, "number": "1001",
        "direction": CallDirection.OUTGOING.value, "result": DisconnectReason.LOCAL_HANGUP.value, "sip_code": 200,
        "clock_synced": True, "boot_id": "0" * 36, "ended_at": started_at + timedelta(seconds=1 + (talk_s or 0.0)),
    }  # fmt: skip
    return Call(
        **{**usual, "device": device, "seq": seq, "started_at": started_at, "answered_at": answered_at, **changes}
    )


def stored(engine: Engine, *calls: Call) -> None:
    readings = [Reading(Sender(each.fleet, each.device), "cdr", Calls([each])) for each in calls]
    with writing(engine).begin() as connection:
        write_batch(connection, readings, NOON, None)


def test_how_a_call_dropped_is_what_its_record_and_the_next_ones_say(engine: Engine, tmp_path: Path) -> None:
    lost, stopped = DisconnectReason.NETWORK_LOST.value, DisconnectReason.INTERRUPTED.value
    failed, nowhere = DisconnectReason.SERVER_ERROR.value, DisconnectReason.UNREACHABLE.value
    stored(
        engine,
        call("lost", 1, result=lost, sip_code=408),
        call("lost", 2, after_s=70),
        call("stopped", 1, result=stopped, sip_code=0, ended_at=None),
        call("failed", 1, talk_s=None, result=failed, sip_code=503),
        call("silent", 1, talk_s=None, result=nowhere, sip_code=408),
        call("away", 1, talk_s=None, result=nowhere, sip_code=480),
        call("unplugged", 1, talk_s=None, result=nowhere, sip_code=0),
        call("rings", 1, talk_s=None, result=DisconnectReason.NO_ANSWER.value, sip_code=408),
        # Very short, and the same number again within half a minute.
        call("again", 1, talk_s=4), call("again", 3, after_s=20),
        call("called", 1, talk_s=4, direction=CallDirection.INCOMING.value), call("called", 2, after_s=20),
        # Each of these is short of it by one thing.
        call("later", 1, talk_s=4), call("later", 2, after_s=40),
        call("other", 1, talk_s=4), call("other", 2, after_s=20, number="1002"),
        call("long", 1, talk_s=15), call("long", 2, after_s=20),
        call("back", 1, talk_s=4), call("back", 2, after_s=20, direction=CallDirection.INCOMING.value),
        call("withheld", 1, talk_s=4, number=None), call("withheld", 2, after_s=20, number=None),
        call("one", 1, talk_s=4), call("two", 2, after_s=20),
        call("era", 1, talk_s=4), call("era", 2, after_s=20, epoch=2),
    )  # fmt: skip
    with FleetApi(engine, tmp_path) as api:
        span = {"from": NOON.isoformat(), "to": (NOON + timedelta(hours=1)).isoformat()}
        dropped = api.rows("calls/dropped", **span)
        found = causes(api, **span)
    assert {(row["device"], row["seq"]): (row["drop"], row["redialled"]) for row in dropped} == {
        ("lost", 1): ("network_lost", True),
        ("stopped", 1): ("interrupted", False),
        ("failed", 1): ("server_error", False),
        ("silent", 1): ("server_error", False),
        ("again", 1): ("quick_redial", True),
        ("called", 1): ("quick_redial", True),
    }
    assert (found["calls"], found["dropped"], found["causes"]) == (26, 6, [])
    [minute] = found["minutes"]
    assert (minute["minute"], minute["calls"], minute["handsets"]) == ("2026-03-10T12:00:00Z", 25, 6)
    assert (minute["network_lost"], minute["interrupted"], minute["server_error"], minute["quick_redial"]) == (
        1,
        1,
        2,
        3,
    )


def test_of_very_many_the_latest_are_looked_at_and_the_answer_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.api.drops.MAX_DROPS", 3)
    engine = open_database(Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"))
    prepare(engine)
    lost = DisconnectReason.NETWORK_LOST.value
    stored(engine, *(call("desk", seq, after_s=60 * seq, result=lost) for seq in range(1, 9)))
    with FleetApi(engine, tmp_path) as api:
        found = causes(api, **{"from": NOON.isoformat(), "to": (NOON + timedelta(hours=1)).isoformat()})
    assert (found["start"], found["calls"], found["dropped"]) == ("2026-03-10T12:06:00Z", 3, 3)


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, broken: Broken) -> AsyncIterator[Page]:
    """The page in a browser, logged in, at why calls drop in the last seven days."""
    page = await browser.blank(
        viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce", bypass_csp=True
    )
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"{error}"))
    await page.goto(f"{broken.api.url}/#why")
    await page.fill("#user", "dashboard.main")
    await page.fill("#password", "any")
    await page.keyboard.press("Enter")
    await page.select_option("#period", "168")
    await expect(page.locator(".told .cause")).to_have_count(3, timeout=PATIENCE_MS)
    yield page
    await page.context.close()
    assert complaints == []


@pytest.mark.feature("why calls drop")
@in_one_loop
async def test_a_manager_reads_what_it_is_and_sees_the_calls_within_a_click(page: Page) -> None:
    told = await page.locator(".told li").all_text_contents()
    place, handset = (next(one for one in told if name in one) for name in (BROKEN_PLACE, BROKEN_HANDSET))
    [registrar] = [one for one in told if one not in {place, handset}]
    assert place.startswith(f"This place. {BROKEN_PLACE}: ")
    assert re.search(r"on 40 handsets, .*Elsewhere [12]%\.Look at the network there", place)
    assert handset.startswith(f"This handset alone. {BROKEN_HANDSET}: ")
    assert registrar.startswith("Many at once. ")
    assert "it is the registrar or another server" in registrar
    assert all("less than once in a million" in one for one in told)
    row = page.locator(".table.by-handsets tbody tr", has_text=BROKEN_HANDSET)
    await expect(row).to_contain_text("this handset alone")
    await row.get_by_role("button").click()
    await expect(page.locator("#behind-title")).to_be_focused()
    await expect(page.locator("#behind-title")).to_have_text(f"Dropped calls: {BROKEN_HANDSET}")
    behind = page.locator(".table.behind tbody tr")
    await expect(behind.first).to_contain_text(BROKEN_HANDSET)
    assert {*await behind.locator("td:nth-child(2)").all_text_contents()} == {BROKEN_HANDSET}
    await page.locator(".told li", has_text=BROKEN_PLACE).get_by_role("button").click()
    await expect(page.locator("#behind-title")).to_have_text(f"Dropped calls: {BROKEN_PLACE}")
    await expect(behind.first).to_contain_text("sim-002")
    await page.select_option("#drops-by", "places")
    there = page.locator(".table.by-places tbody tr")
    await expect(there.first).to_contain_text(BROKEN_PLACE)
    await expect(there.first).to_contain_text("this place")
    await page.select_option("#drops-by", "minutes")
    await expect(page.locator(".table.by-minutes tbody tr").first).to_contain_text("others too · the registrar")
    await page.locator(".table.by-minutes tbody button").first.click()
    # By chance a call of that minute dropped for another reason, and came first.
    await expect(behind.filter(has_text="server error").first).to_be_visible()


@in_one_loop
async def test_the_search_narrows_the_table_and_the_period_asks_anew(page: Page) -> None:
    await page.fill("#search", "hotel 05")
    await expect(page.locator(".table.by-handsets tbody tr")).to_have_count(40)
    await page.fill("#search", "")
    async with page.expect_response(re.compile("/calls/causes")) as answered:
        await page.select_option("#period", "24")
    assert (await answered.value).status == 200
    # The registrar failed two days ago.
    await expect(page.locator(".told li", has_text="Many at once")).to_have_count(0)


@in_one_loop
async def test_a_place_that_was_cut_off_for_minutes_is_told_without_its_share_of_the_week(page: Page) -> None:
    once = {
        "kind": "place", "fleet": "lab", "device": None, "place": "Hotel 07", "drop": "interrupted",
        "start": "2026-03-10T12:00:00Z", "end": "2026-03-10T12:09:00Z", "calls": 9000, "dropped": 35, "handsets": 20,
        "usual": 0.02, "chance": 1e-5,
    }  # fmt: skip
    answer = {
        "start": "2026-03-09T12:00:00Z", "end": "2026-03-16T12:00:00Z", "calls": 90_000, "dropped": 1800,
        "causes": [once], "handsets": [], "places": [], "minutes": [],
    }  # fmt: skip
    await page.route("**/calls/causes*", lambda route: route.fulfill(json=answer))
    await page.click("#look-again")
    told = page.locator(".told li")
    await expect(told).to_have_count(1)
    await expect(told).to_contain_text("Hotel 07: 35 calls dropped on 20 handsets, 10 Mar")
    await expect(told).to_contain_text(
        "look at the power there. Very likely: chance alone does this less than once in a"
    )


@in_one_loop
async def test_a_collector_that_does_not_answer_is_told(page: Page) -> None:
    await page.route("**/calls/causes*", lambda route: route.fulfill(status=503, json={"detail": "later"}))
    await page.click("#look-again")
    await expect(page.locator(".panel.causes")).to_contain_text("The collector does not answer, or not in time.")
    await expect(page.locator(".told li")).to_have_count(0)


@in_one_loop
async def test_both_languages_axe_and_a_telephones_screen(page: Page) -> None:
    await page.add_script_tag(path=AXE)
    await page.locator(".told button").first.click()
    await expect(page.locator(".table.behind tbody tr").first).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        assert await page.evaluate(_FAULTS) == []
    await page.click("#language")
    await expect(page.locator(".told .cause")).to_have_count(3)
    text = await page.locator("main").inner_text()
    assert not re.search(r"Handset|Place|dropped|Look|calls", text)
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.locator(".told button").first.click()
    await expect(page.locator(".table.behind tbody tr").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    assert await page.evaluate(_FAULTS) == []
