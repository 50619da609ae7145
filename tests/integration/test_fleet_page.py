"""The dashboard that ships, in a real browser, with a real broker and collector and a thousand simulated handsets."""

import asyncio
import csv
import io
import re
import statistics
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect
from sqlalchemy import select

from contract.consent import Purpose
from firmware.privacy.rights import MONDAY_TO_FRIDAY, WORKING_DAYS
from fleet.collector.database import open_database, prepare, writing
from fleet.collector.settings import Storage
from fleet.publications import Publication, PublicationKind
from fleet.tables import calls
from tests.lab.browser import Browser
from tests.lab.fleet_api import FleetApi
from tests.lab.fleet_page_site import FleetPageSite
from tests.lab.fleet_simulator import FleetSimulator
from tests.lab.fleet_visitor import FleetVisitor
from tests.lab.seeded_fleet import SeededFleet
from tools.page.vendor import AXE

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIMULATED: Final = 1000
VIEWS: Final = ("overview", "calls", "why", "rights", "orders")
PATIENCE_MS: Final = 20_000

_FAULTS: Final = """async () => {
  const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run(document, { runOnly });
  const places = (nodes) => nodes.slice(0, 3).map((node) => node.html).join(" | ");
  return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${places(nodes)}`);
}"""


_STORED: Final = """async () => [
  document.cookie, localStorage.length, sessionStorage.length, (await indexedDB.databases()).length,
  (await caches.keys()).length, (await navigator.serviceWorker.getRegistrations()).length,
]"""

_DRAWN: Final = """() => {
  const canvas = document.querySelector(".plot canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const mark = getComputedStyle(document.querySelector(".mark.answered"), "::before").backgroundColor;
  const wanted = mark.match(/\\d+/g).map(Number);
  let drawn = 0;
  for (let at = 0; at < data.length; at += 4) drawn += wanted.every((part, index) => data[at + index] === part);
  return drawn;
}"""

_HIDDEN: Final = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

_COLOURS: Final = """(selector) => {
  const probe = document.body.appendChild(document.createElement("p"));
  probe.className = "wrong";
  const colours = [probe, document.querySelector(selector)].map((one) => getComputedStyle(one).color);
  probe.remove();
  return colours;
}"""


NAMES: Final = (
    "device_id,serial,label,place,fleet,password\n"
    "handset-0012,10000000abcd0012,Müller,Room 12,north,swordfish\n"
    "handset-0013,10000000abcd0013,Meier,Room 12,north,swordfish\n"
    "spare-1,10000000abcd0099,Huber,Cellar,north,swordfish\n"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetPageSite]:
    users = ("main", "second", "late")
    with FleetPageSite(tmp_path_factory.mktemp("fleet-page"), users=users, auditors=("late",), names=NAMES) as site:
        yield site


@pytest.fixture(scope="module")
def simulated(site: FleetPageSite) -> Iterator[FleetSimulator]:
    """A thousand handsets that come in while the tests begin, and then rest."""
    options = ("--calls-per-hour", "2", "--outages", "0", "--changes", "0", "--requests", "0", "--clock-errors", "0")
    with site.simulator(SIMULATED, "lab", *options) as simulator:
        yield simulator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def regular(browser: Browser, site: FleetPageSite, simulated: FleetSimulator) -> AsyncIterator[FleetVisitor]:
    """Somebody who logs in once and stays."""
    async with FleetVisitor(browser, site) as regular:
        await regular.enter()
        yield regular


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(regular: FleetVisitor, site: FleetPageSite) -> AsyncIterator[FleetVisitor]:
    """Somebody at the page as it begins, with which nothing is wrong all the time."""
    await regular.begin()
    yield regular
    assert regular.complaints == []
    assert regular.hosts == {urlsplit(site.url).netloc}


# --- coming in --------------------------------------------------------------------------------------------------------


async def test_a_wrong_password_is_told_and_may_be_tried_again(browser: Browser, site: FleetPageSite) -> None:
    async with FleetVisitor(browser, site) as visitor:
        await visitor.log_in(password="wrong")
        await expect(visitor.page.locator("#wrong")).to_have_text("User or password is wrong.", timeout=PATIENCE_MS)
        await visitor.enter()


async def test_nothing_is_kept_by_the_browser(visitor: FleetVisitor) -> None:
    stored = await visitor.page.evaluate(_STORED)
    assert stored == ["", 0, 0, 0, 0, 0]
    assert await visitor.page.context.cookies() == []


async def test_nothing_may_be_loaded_from_elsewhere(visitor: FleetVisitor, site: FleetPageSite) -> None:
    answer = await visitor.page.request.get(site.url)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    names = await visitor.page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(names) > 20
    assert all(name.startswith(site.url) for name in names)


async def test_logging_out_forgets_everything_and_ends_the_session(browser: Browser, site: FleetPageSite) -> None:
    async with FleetVisitor(browser, site) as visitor:
        await visitor.enter("dashboard.late")
        # Its answer is followed by another page at once, which leaves nobody to tell of it.
        async with visitor.page.expect_request(lambda request: request.method == "DELETE") as ended:
            await visitor.page.click("#logout")
        token = (await ended.value).headers["authorization"]
        await expect(visitor.page.locator("#user")).to_have_value("")
        await expect(visitor.page.locator("#password")).to_have_value("")
        answer = await visitor.page.request.get(f"{site.url}api/v1/devices", headers={"Authorization": token})
        assert answer.status == 401


async def test_a_session_that_has_ended_is_told(browser: Browser, site: FleetPageSite) -> None:
    async with FleetVisitor(browser, site) as visitor:
        await visitor.enter("dashboard.late")
        # As when its password was changed: neither the token nor the password is good any more.
        shut = re.compile("/api/v1/(?!settings)")
        await visitor.page.route(shut, lambda route: route.fulfill(status=401, json={"detail": "no"}))
        await visitor.choose("period", "168")
        await expect(visitor.page.locator("#wrong")).to_have_text("Your session has ended. Log in again.")
        assert "ended" not in visitor.page.url


async def test_auditors_alone_see_who_looked_and_who_took_a_file_along(browser: Browser, site: FleetPageSite) -> None:
    async with FleetVisitor(browser, site) as second, FleetVisitor(browser, site) as auditor:
        await second.enter("dashboard.second")
        await expect(second.page.locator('nav a[data-view="audit"]')).to_have_count(0)
        await second.show("calls")
        async with second.page.expect_download():
            await second.page.click(".table.calls .csv")
        await auditor.enter("dashboard.late")
        await auditor.show("audit")
        rows = auditor.page.locator(".table.audit tbody tr")
        of_second = rows.filter(has_text="dashboard.second")
        for did in ("logged in", "viewed", "made a file"):
            await expect(of_second.filter(has_text=did).first).to_be_visible(timeout=PATIENCE_MS)
        await expect(of_second.filter(has_text="made a file").first).to_contain_text("calls")


# --- what is seen -----------------------------------------------------------------------------------------------------


async def test_what_was_before_is_there_at_once(visitor: FleetVisitor, site: FleetPageSite) -> None:
    await visitor.choose("fleet", "south")
    half = site.seeded.handsets // 2
    # The last one is retired.
    await expect(visitor.page.locator(".tiles .tile")).to_have_count(half - 1)
    await expect(visitor.page.locator(".panel.offline li")).to_have_count(4)
    await visitor.choose("period", "168")
    await expect(visitor.page.locator(".figure.calls .value")).to_have_text(f"{half * site.seeded.calls_each}")
    await expect(visitor.page.locator(".plot canvas")).to_be_visible()
    await visitor.page.click(".as-table summary")
    await expect(visitor.page.locator(".as-table tbody tr").first).to_be_visible()
    hours = await visitor.page.locator(".as-table tbody tr").evaluate_all(
        "(rows) => rows.flatMap((row) => [...row.querySelectorAll('td')].map((cell) => Number(cell.textContent)))"
    )
    assert sum(hours) == half * site.seeded.calls_each


@pytest.mark.feature("fleet page")
async def test_a_change_is_seen_within_a_second_at_a_thousand_handsets(
    visitor: FleetVisitor, site: FleetPageSite, simulated: FleetSimulator
) -> None:
    await asyncio.to_thread(simulated.wait_until_all_online, 110)
    await expect(visitor.page.locator('.tile[data-key^="lab/"]')).to_have_count(SIMULATED, timeout=PATIENCE_MS)
    delays_s = []
    with site.handset("handset-0001") as handset:
        for state in ("online", "offline") * 3:
            before = asyncio.ensure_future(visitor.painted('[data-key="north/handset-0001"]', "data-state", state))
            await asyncio.sleep(0)
            sent_at = handset.status(state)
            delays_s.append(await before / 1000 - sent_at)
    # The first may find the state as it was.
    assert statistics.median(delays_s[1:]) < 1, delays_s


async def test_a_handset_that_comes_and_a_call_that_ends_show_by_themselves(
    visitor: FleetVisitor, site: FleetPageSite
) -> None:
    with site.handset("newcomer-1") as handset:
        handset.consent()
        tile = visitor.page.locator('[data-key="north/newcomer-1"]')
        for state, word in (("no_line", "No line"), ("online", "Online")):
            handset.status(state)
            await expect(tile).to_have_attribute("aria-label", f"newcomer-1, {word}")
        await visitor.show("calls")
        handset.call("+862112345678", result="busy", answered=False)
        row = visitor.page.locator(".table.calls tbody tr", has_text="newcomer-1")
        await expect(row.locator("td.exact")).to_have_text("+862112345678")
        await expect(row.locator("td.result")).to_have_text("busy")
        # And stays when the collector has told of it too.
        await visitor.choose("period", "168")
        await expect(row).to_have_count(1)


async def test_a_call_of_this_very_hour_is_drawn(visitor: FleetVisitor, site: FleetPageSite) -> None:
    with site.handset("alone-1", "alone") as handset:
        handset.consent()
        handset.status("online")
        await visitor.choose("fleet", "alone")
        await expect(visitor.page.locator(".panel.hours .note")).to_have_text("No call in this period.")
        assert await visitor.page.evaluate(_DRAWN) == 0
        handset.call("1001", ago_s=0)
        await expect(visitor.page.locator(".panel.hours .note")).to_contain_text("Calls in this period: 1;")
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while True:
                if await visitor.page.evaluate(_DRAWN) > 100:
                    break
                await asyncio.sleep(0.1)
    # It is the test that reads pixels.
    visitor.complaints[:] = [one for one in visitor.complaints if "willReadFrequently" not in one]


async def test_filters_and_search_narrow_map_table_and_sums(visitor: FleetVisitor) -> None:
    page = visitor.page
    await page.fill("#search", "HANDSET-001")
    await expect(page.locator(".tiles .tile")).to_have_count(10)
    await page.fill("#search", "HANDSET-003")
    await page.click('.state[data-state="no_line"]')
    await expect(page.locator(".tiles .tile")).to_have_attribute("aria-label", "handset-0033, No line")
    await expect(page.locator(".panel.offline li", has_text="handset-0033")).to_contain_text("No line")
    await page.click('.state[data-state="no_line"]')
    await page.fill("#search", "HANDSET-001")
    await expect(page.locator(".tiles .tile")).to_have_count(10)
    await page.click('.state[data-state="offline"]')
    await expect(page.locator(".tiles .tile")).to_have_count(2)
    await expect(page.locator('.state[data-state="offline"]')).to_have_attribute("aria-pressed", "true")
    assert await visitor.texts('.state[data-state="online"] .number') == ["8"]
    await page.select_option("#order", "state")
    assert await visitor.texts(".group-name") == ["Offline"]
    await page.fill("#search", "nobody")
    await expect(page.locator(".map .empty")).to_have_text("No handset matches the filters.")
    await page.click("#clear")
    await expect(page.locator("#search")).to_have_value("")
    await visitor.show("calls")
    await visitor.choose("period", "168")
    await page.select_option("#result", "failed")
    await page.fill("#search", "handset-0003")
    # While the collector is asked there are none for a moment.
    await page.wait_for_function(
        "() => { const rows = [...document.querySelectorAll('.table.calls tbody tr')];"
        " return rows.length > 0 && rows.every((row) => row.textContent.includes('handset-0003')); }"
    )
    assert set(await visitor.texts(".table.calls td.result")) == {"interrupted"}


async def test_a_table_is_sorted_by_what_its_head_says(visitor: FleetVisitor) -> None:
    await visitor.show("rights")
    head = visitor.page.locator(".table.requests th", has_text="Handset")
    for order in ("ascending", "descending"):
        await head.locator("button").click()
        await expect(head).to_have_attribute("aria-sort", order)
        names = await visitor.texts(".table.requests .link")
        assert names == sorted(names, reverse=order == "descending")
        assert len(names) > 3


async def test_a_file_has_every_call_that_the_filters_leave(visitor: FleetVisitor, site: FleetPageSite) -> None:
    page = visitor.page
    await visitor.show("calls")
    await visitor.choose("period", "720")
    await visitor.choose("fleet", "south")
    await page.select_option("#result", "missed")
    async with page.expect_download() as download:
        await page.click(".table.calls .csv")
    text = (await (await download.value).path()).read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    engine = site.collector.engine()
    # Of one that is retired nothing is shown, though this database still has calls of it.
    _, retired = site.seeded.names()[-1]
    missed = calls.c.result.in_(["busy", "no_answer"])
    with engine.connect() as connection:
        wanted = connection.execute(
            select(calls.c.device, calls.c.seq, calls.c.number)
            .where(calls.c.fleet == "south", calls.c.device != retired, missed)
        ).all()  # fmt: skip
    engine.dispose()
    assert len(wanted) > 10
    assert {(row["device"], int(row["seq"])) for row in rows} == {(row.device, row.seq) for row in wanted}
    assert {row["number"].removeprefix("'") for row in rows} == {row.number or "" for row in wanted}
    assert not any(row["number"].startswith("+") for row in rows)


@pytest.mark.feature("fleet page")
async def test_a_handset_is_found_by_what_people_call_it_and_stands_with_its_place(
    visitor: FleetVisitor, site: FleetPageSite
) -> None:
    page = visitor.page
    await page.fill("#search", "MULLER")
    await expect(page.locator(".tiles .tile")).to_have_count(1)
    await expect(page.locator(".tiles .tile")).to_have_attribute("aria-label", re.compile("^handset-0012 · Müller, "))
    await page.click(".tiles .tile")
    await expect(page.locator("#device-title")).to_have_text("handset-0012 · Müller")
    await expect(page.locator(".device .facts")).to_contain_text("Room 12 · north")
    await expect(page.locator(".device .facts")).to_contain_text("Serial 10000000abcd0012")
    await page.click("aside.device #close")
    await page.fill("#search", "")
    await visitor.choose("order", "place")
    await expect(page.locator(".group").first.locator(".tile")).to_have_count(2)
    await expect(page.locator(".group-name").first).to_have_text("Room 12")
    await expect(page.locator(".group-name").last).to_have_text("No place")
    await expect(page.locator(".panel.unheard li")).to_have_text(["spare-1 · HuberCellar10000000abcd0099"])
    await visitor.choose("period", "168")
    await page.click('a[data-view="calls"]')
    await page.fill("#search", "müller")
    await expect(page.locator(".calls tbody tr").first).to_contain_text("handset-0012 · Müller")
    assert "swordfish" not in await page.content()
    await page.click('a[data-view="overview"]')
    await page.fill("#search", "")
    site.table.write_text("nothing of a table")
    try:
        # As after half a minute, or a look at another fleet.
        await visitor.choose("fleet", "north")
        await expect(page.locator(".panel.unheard .wrong")).to_contain_text(
            "The table of names cannot be used. Names are"
        )
        await expect(page.locator(".panel.unheard li")).to_contain_text("spare-1 · Huber")
    finally:
        site.table.write_text(NAMES)


async def test_a_file_of_handsets_has_those_that_the_filters_leave_and_since_when(visitor: FleetVisitor) -> None:
    page = visitor.page
    await page.fill("#search", "handset-001")
    await expect(page.locator(".tiles .tile")).to_have_count(10)
    await page.click('.state[data-state="offline"]')
    await expect(page.locator(".tiles .tile")).to_have_count(2)
    async with page.expect_download() as download:
        await page.click(".fleet-map .csv")
    text = (await (await download.value).path()).read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["device"], row["state"]) for row in rows] == [("handset-0010", "offline"), ("handset-0015", "offline")]
    assert all(datetime.fromisoformat(row["state_since"]) < datetime.now(UTC) for row in rows)


@pytest.mark.feature("fleet page")
async def test_a_late_request_is_red_and_says_so(visitor: FleetVisitor, site: FleetPageSite) -> None:
    page = visitor.page
    late = page.locator(".figure.late")
    # Some are late all the time, but a page that has just been opened does not say so at once.
    await expect(late.locator(".value")).not_to_have_text("0")
    before = int(await late.locator(".value").text_content() or "")
    with site.handset("asks-1") as handset:
        handset.consent(
            requests=[handset.request(1, "copy", due_in_days=-2), handset.request(2, "access", due_in_days=3)]
        )
        await expect(late.locator(".value")).to_have_text(f"{before + 1}")
        await expect(page.locator('[data-key="north/asks-1"]')).to_have_attribute(
            "aria-label", "asks-1, Not heard of, request late"
        )
        await visitor.show("rights")
        await page.fill("#search", "asks-1")
        await expect(page.locator(".table.requests tbody tr")).to_have_count(2)
        row = page.locator(".table.requests tbody tr").first
        await expect(row.locator("td").first).to_have_text("late")
        await expect(row.locator("td.overdue").last).to_contain_text("2 d late")
        assert await _is_red(page, ".table.requests tbody tr td.overdue")
        assert not await _is_red(page, ".table.requests tbody tr:nth-child(2) td:nth-child(2)")
        handset.consent(requests=[handset.request(2, "access", due_in_days=3)])
        await expect(page.locator(".table.requests tbody tr")).to_have_count(1)
        await expect(page.locator(".table.requests tbody tr td").first).to_have_text("open")


async def test_a_request_says_how_it_is_answered_and_that_its_holder_objects(
    browser: Browser, site: FleetPageSite
) -> None:
    # The handset is heard at once; the day that the fleet counts for it comes with an answer, and is kept back here.
    is_counted = asyncio.Event()

    async def answer(route: Route) -> None:
        answered = await route.fetch()
        while is_counted.is_set() and "objects-1" not in await answered.text():
            await asyncio.sleep(0.1)
            answered = await route.fetch()
        known = await answered.json()
        known["rows"] = [row for row in known["rows"] if row["device"] != "objects-1" or is_counted.is_set()]
        await route.fulfill(response=answered, json=known)

    # A page of its own: what another one has asked already is not kept back.
    async with FleetVisitor(browser, site) as visitor:
        await visitor.page.route("**/requests?*", answer)
        await visitor.enter()
        with site.handset("objects-1") as handset:
            undated = {"number": 3, "epoch": 4711, "kind": "copy", "due": None, "state": "open", "objected": True}
            handset.consent(requests=[undated])
            await visitor.show("rights")
            await visitor.page.fill("#search", "objects-1")
            row = visitor.page.locator(".table.requests tbody tr")
            await expect(row).to_have_count(1)
            await expect(row.locator("td").first).to_have_text("open · objected to")
            await expect(row).to_contain_text("not known yet")
            await expect(row).to_contain_text("--request 3 --epoch 4711")
            is_counted.set()
            await visitor.choose("fleet", "north")
            today = datetime.now(UTC).date()
            days = (MONDAY_TO_FRIDAY.after(today, WORKING_DAYS) - today).days
            await expect(row).to_contain_text(f"in {days} d", timeout=PATIENCE_MS)
        await visitor.page.unroute_all(behavior="ignoreErrors")


async def test_what_became_of_a_bundle_has_its_name(visitor: FleetVisitor, site: FleetPageSite) -> None:
    await visitor.show("orders")
    digest = "ab" * 32
    with site.operator() as operator, site.handset("handset-0001") as handset:
        handset.outcome(digest, "reverted_network")
        row = visitor.page.locator(".table.outcomes tbody tr", has_text="reverted: network")
        await expect(row).to_contain_text("abababababab… (not announced)", timeout=PATIENCE_MS)
        publication = Publication(
            kind=PublicationKind.BUNDLE, name="43", message=digest, published_at="2026-03-10T12:00:00.000Z"
        )
        operator.announce("north", publication)
        await expect(row.locator("td").first).to_have_text("43")
    quarantined = visitor.page.locator(".table.quarantine tbody tr")
    await expect(quarantined).to_have_count(4)
    await expect(quarantined.get_by_role("button")).to_have_count(3)


async def test_details_of_a_handset_follow_what_it_says(visitor: FleetVisitor, site: FleetPageSite) -> None:
    page = visitor.page
    await page.click('[data-key="north/handset-0002"]')
    await expect(page.locator("#device-title")).to_be_focused()
    await expect(page.locator(".calls-list .first")).to_have_count(site.seeded.calls_each)
    with site.handset("handset-0002") as handset:
        handset.consent(requests=[handset.request(1, "erasure", due_in_days=1)])
        await expect(page.locator(".device .answers dd").nth(2)).to_have_text("yes")
        await expect(page.locator(".device")).to_contain_text("Erase it")
        handset.consent(granted=[Purpose.SERVICE])
        await expect(page.locator(".device")).to_contain_text("Its holder has not agreed that calls are reported.")
        await expect(page.locator(".calls-list .first")).to_have_count(0)


async def test_a_list_stands_still_while_it_is_read_and_says_how_much_is_new(
    visitor: FleetVisitor, site: FleetPageSite
) -> None:
    page = visitor.page
    await visitor.show("calls")
    numbers = page.locator(".table.calls td.exact")
    newer = page.locator(".table.calls .newer")
    with site.handset("reads-1") as handset:
        handset.consent()
        await page.fill("#search", "reads-1")
        older = handset.call("+862400000001", ago_s=90)
        handset.call("+862400000002")
        await expect(numbers).to_have_text(["+862400000002", "+862400000001"])
        # A row does not move away below the pointer, or the focus, of whoever is about to open it.
        await numbers.last.hover()
        handset.call("+862400000003", ago_s=50)
        await expect(newer).to_have_text("1 new")
        await expect(numbers).to_have_text(["+862400000002", "+862400000001"])
        await page.mouse.move(5, 5)
        await expect(numbers).to_have_text(["+862400000003", "+862400000002", "+862400000001"])
        await expect(newer).to_be_hidden()
        await page.locator(".table.calls tbody button").first.focus()
        handset.call("+862400000004", ago_s=40)
        await expect(newer).to_have_text("1 new")
        # What is erased goes, whoever reads it.
        handset.erase(older, older)
        await expect(numbers).to_have_text(["+862400000003", "+862400000002"])
        await newer.click()
        await expect(numbers).to_have_text(["+862400000004", "+862400000003", "+862400000002"])
        assert await _focused(page) != ""


async def test_what_has_the_focus_keeps_it_while_states_change(visitor: FleetVisitor, site: FleetPageSite) -> None:
    page = visitor.page
    first = page.locator(".panel.offline button").first
    await first.focus()
    name = await _focused(page)
    with site.handset("handset-0011") as handset:
        tile = page.locator('[data-key="north/handset-0011"]')
        for state in ("offline", "online"):
            handset.status(state)
            await expect(tile).to_have_attribute("data-state", state)
            # The list beside the map is drawn a moment later.
            await page.evaluate("new Promise((drawn) => setTimeout(drawn, 400))")
    assert await _focused(page) == name
    await page.keyboard.press("Enter")
    await expect(page.locator("#device-title")).to_have_text(await first.inner_text())


async def test_what_takes_the_focus_is_not_below_the_header(visitor: FleetVisitor) -> None:
    page = visitor.page
    await page.set_viewport_size({"width": 640, "height": 700})
    await page.evaluate("scrollTo(0, 400)")
    await page.locator(".tiles .tile").nth(300).click()
    title = page.locator("#device-title")
    await expect(title).to_be_focused()
    places = [await one.bounding_box() for one in (page.locator("header.top"), title)]
    assert places[0] is not None
    assert places[1] is not None
    assert places[1]["y"] >= places[0]["y"] + places[0]["height"]
    await page.set_viewport_size({"width": 1440, "height": 900})


async def test_a_call_that_is_yet_to_begin_tells_of_a_wrong_clock(visitor: FleetVisitor, site: FleetPageSite) -> None:
    await visitor.show("calls")
    with site.handset("ahead-1") as handset:
        handset.consent()
        handset.call("+862500000001", ago_s=-7_200)
        row = visitor.page.locator(".table.calls tbody tr", has_text="ahead-1")
        await expect(row.locator("td").first).to_contain_text("clock ahead")


# --- taking back ------------------------------------------------------------------------------------------------------


async def test_a_call_is_gone_at_once_when_a_notice_names_it_and_does_not_come_back(
    visitor: FleetVisitor, site: FleetPageSite
) -> None:
    page = visitor.page
    await visitor.show("calls")
    rows = page.locator(".table.calls tbody tr")
    with site.handset("erases-1") as handset:
        handset.consent()
        first, second = handset.call("+862100000001"), handset.call("+862100000002")
        await page.fill("#search", "+86210000000")
        await expect(rows).to_have_count(2)
        handset.erase(first, first)
        await expect(rows).to_have_count(1)
        await expect(rows.locator("td.exact")).to_have_text("+862100000002")
        await _until_gone(site, "erases-1", {second})
        await visitor.choose("period", "168")
        async with page.expect_download() as download:
            await page.click(".table.calls .csv")
        text = (await (await download.value).path()).read_text("utf-8-sig")
        assert "+862100000002" in text
        assert "+862100000001" not in text
        await expect(rows).to_have_count(1)
        await visitor.show("rights")
        erasure = page.locator(".table.erasures tbody tr", has_text="erases-1")
        await page.fill("#search", "")
        await expect(erasure).to_contain_text("done", timeout=PATIENCE_MS)


async def test_a_call_behind_a_cause_is_gone_at_once_when_a_notice_names_it(
    visitor: FleetVisitor, site: FleetPageSite
) -> None:
    page = visitor.page
    with site.handset("drops-1") as handset:
        handset.consent()
        first, second = (handset.call(f"+86260000000{number}", result="network_lost") for number in (1, 2))
        await _until_gone(site, "drops-1", {first, second})
        await visitor.show("why")
        await page.locator(".table.by-handsets tbody tr", has_text="drops-1").get_by_role("button").click()
        rows = page.locator(".table.behind tbody tr")
        await expect(rows).to_have_count(2)
        handset.erase(first, first)
        await expect(rows).to_have_count(1)
        await expect(rows.locator("td.exact")).to_have_text("+862600000002")


async def test_a_withdrawal_takes_all_calls_of_the_handset_away(visitor: FleetVisitor, site: FleetPageSite) -> None:
    page = visitor.page
    await visitor.show("calls")
    with site.handset("withdraws-1") as handset:
        handset.consent()
        handset.call("+862200000001")
        await page.fill("#search", "withdraws-1")
        await expect(page.locator(".table.calls tbody tr")).to_have_count(1)
        handset.consent(granted=[Purpose.SERVICE])
        await expect(page.locator(".panel.calls .empty")).to_have_text("No call matches.")


async def test_a_handset_whose_holder_has_gone_is_gone(visitor: FleetVisitor, site: FleetPageSite) -> None:
    with site.handset("leaves-1") as handset:
        handset.consent()
        handset.status("online")
        tile = visitor.page.locator('[data-key="north/leaves-1"]')
        await expect(tile).to_be_visible()
        seq = handset.call("+862300000001")
        handset.erase(1, seq, reason="cancelled")
        await expect(tile).to_have_count(0)


# --- when something is missing ----------------------------------------------------------------------------------------


async def test_a_broker_that_restarts_is_found_again(visitor: FleetVisitor, site: FleetPageSite) -> None:
    page = visitor.page
    site.broker.kill()
    await visitor.expect_live("lost")
    await expect(page.locator(".banner")).to_contain_text("The collector has lost the broker.")
    await expect(page.locator("#said")).to_have_text("No longer live.")
    site.broker.start()
    await visitor.expect_live("on")
    await expect(page.locator(".banner")).to_be_hidden()
    with site.handset("handset-0004") as handset:
        for state in ("offline", "online"):
            handset.status(state)
            await expect(page.locator('[data-key="north/handset-0004"]')).to_have_attribute("data-state", state)


async def test_a_collector_that_restarts_is_found_again_and_asks_for_no_password(
    visitor: FleetVisitor, site: FleetPageSite
) -> None:
    page = visitor.page
    await asyncio.to_thread(site.collector.stop)
    await visitor.expect_live("lost")
    await expect(page.locator(".banner")).to_contain_text("The collector does not answer.")
    tile = page.locator('[data-key="north/handset-0006"]')
    with site.handset("handset-0006") as handset:
        handset.status("offline")
        await asyncio.to_thread(site.collector.start)
        # Its tokens were in its memory: the page logs in again by itself, and what was said meanwhile is there.
        await visitor.expect_live("on")
        await expect(tile).to_have_attribute("data-state", "offline", timeout=PATIENCE_MS)
        handset.status("online")
        await expect(tile).to_have_attribute("data-state", "online")
    await visitor.choose("period", "720")
    await expect(page.locator(".banner")).to_be_hidden(timeout=PATIENCE_MS)
    visitor.complaints[:] = [one for one in visitor.complaints if "Failed to load resource" not in one]


async def test_all_pages_of_one_user_are_live(browser: Browser, site: FleetPageSite) -> None:
    async with FleetVisitor(browser, site) as first, FleetVisitor(browser, site) as second:
        await first.enter("dashboard.second")
        await second.enter("dashboard.second")
        with site.handset("handset-0008") as handset:
            for state in ("offline", "online"):
                handset.status(state)
                for visitor in (first, second):
                    tile = visitor.page.locator('[data-key="north/handset-0008"]')
                    await expect(tile).to_have_attribute("data-state", state)


async def test_a_page_that_nobody_sees_lets_go_of_its_connection_and_catches_up(
    visitor: FleetVisitor, site: FleetPageSite
) -> None:
    page = visitor.page
    tile = page.locator('[data-key="north/handset-0009"]')
    with site.handset("handset-0009") as handset:
        handset.status("online")
        await expect(tile).to_have_attribute("data-state", "online")
        async with page.expect_event("requestfailed", lambda request: "/live" in request.url):
            await page.evaluate(_HIDDEN, True)
        handset.status("offline")
        async with page.expect_request("**/api/v1/live") as again:
            await page.evaluate(_HIDDEN, False)
        assert "last-event-id" in (await again.value).headers
        await expect(tile).to_have_attribute("data-state", "offline")
        await expect(page.locator(".banner")).to_be_hidden()


async def test_where_nobody_listens_to_a_broker_there_is_history_and_a_fleet_that_never_spoke_is_told(
    browser: Browser, tmp_path: Path
) -> None:
    engine = open_database(Storage(url=f"sqlite:///{tmp_path / 'calls.db'}"))
    prepare(engine)
    named = {"dashboard.main": "*"}
    with FleetApi(engine, tmp_path, login=lambda _user, _password: True, user_fleets=named) as api:
        page = await browser.blank(locale="en-GB")
        await page.goto(api.url)
        await page.fill("#user", "dashboard.nowhere")
        await page.fill("#password", "any")
        await page.keyboard.press("Enter")
        await expect(page.locator("#wrong")).to_contain_text("has to name the user under user_fleets")
        await page.fill("#user", "dashboard.main")
        await page.fill("#password", "any")
        await page.keyboard.press("Enter")
        await expect(page.locator("#standing")).to_have_text("Not live", timeout=PATIENCE_MS)
        await expect(page.locator(".map .empty")).to_have_text("No handset has spoken yet.", timeout=PATIENCE_MS)
        await expect(page.locator(".panel.hours .note")).to_have_text("No call in this period.")
        SeededFleet(now=datetime.now(UTC).replace(microsecond=0)).fill(writing(engine))
        await page.select_option("#period", "168")
        await expect(page.locator(".tiles .tile")).to_have_count(39, timeout=PATIENCE_MS)
        await expect(page.locator(".figure.calls .value")).to_have_text("1,000")
        await page.context.close()
    engine.dispose()


async def test_a_page_without_its_libraries_says_so(browser: Browser, site: FleetPageSite) -> None:
    page = await browser.blank()
    await page.route("**/vendor/*", lambda route: route.fulfill(status=404))
    await page.goto(site.url)
    await expect(page.locator(".slow")).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.locator(".slow")).to_contain_text("python -m tools.page.vendor")
    await page.context.close()


# --- for everybody ----------------------------------------------------------------------------------------------------


async def test_everything_can_be_done_with_the_keyboard(visitor: FleetVisitor) -> None:
    page = visitor.page
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    reached = [await _focused(page)]
    while reached[-1] != "order":
        await page.keyboard.press("Tab")
        reached.append(await _focused(page))
        assert len(reached) < 30, reached
    assert {"fleet", "period"} <= set(reached)
    # One stop for the whole grid; within it, arrows.
    await page.keyboard.press("Tab")
    await page.keyboard.press("Home")
    first = await _focused(page)
    await page.keyboard.press("ArrowRight")
    second = await _focused(page)
    await page.keyboard.press("ArrowDown")
    below = await _focused(page)
    await page.keyboard.press("ArrowUp")
    assert await _focused(page) == second
    assert len({first, second, below}) == 3
    await page.keyboard.press("End")
    last = await _focused(page)
    await page.keyboard.press("Home")
    assert await _focused(page) == first
    assert last == await page.locator(".tiles .tile").last.get_attribute("data-key")
    assert await page.locator('.tiles .tile[tabindex="0"]').count() == 1
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await expect(page.locator("#device-title")).to_have_text(first.partition("/")[2])
    await page.keyboard.press("Escape")
    await expect(page.locator(".device")).to_be_hidden()
    assert await _focused(page) == first
    for number, view in enumerate(VIEWS, 1):
        await page.keyboard.press(f"{number}")
        await expect(page.locator(f'nav a[data-view="{view}"]')).to_have_attribute("aria-current", "page")
    await page.keyboard.press("?")
    await expect(page.locator("dialog.keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog.keys")).to_be_hidden()


async def test_a_page_that_is_paused_stands_still_and_catches_up(
    visitor: FleetVisitor, browser: Browser, site: FleetPageSite
) -> None:
    page = visitor.page
    tile = page.locator('[data-key="north/handset-0007"]')
    with site.handset("handset-0007") as handset:
        handset.status("online")
        await expect(tile).to_have_attribute("data-state", "online")
        await page.keyboard.press("p")
        await expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
        async with FleetVisitor(browser, site) as other:
            await other.enter("dashboard.second")
            handset.status("offline")
            await expect(other.page.locator('[data-key="north/handset-0007"]')).to_have_attribute(
                "data-state", "offline"
            )
        await page.evaluate("new Promise((seen) => setTimeout(seen, 300))")
        await expect(tile).to_have_attribute("data-state", "online")
        await page.keyboard.press("p")
        await expect(tile).to_have_attribute("data-state", "offline")


async def test_the_browsers_language_is_spoken_first(browser: Browser, site: FleetPageSite) -> None:
    async with FleetVisitor(browser, site, locale="zh-CN") as visitor:
        await expect(visitor.page.locator("h1")).to_contain_text("登录话机群")
        assert await visitor.page.evaluate("document.documentElement.lang") == "zh-CN"
        await visitor.page.click("#language")
        await expect(visitor.page.locator("h1")).to_contain_text("Log in to the fleet")


async def test_both_languages_are_spoken(visitor: FleetVisitor) -> None:
    page = visitor.page
    await page.fill("#search", "handset")
    await expect(page.locator("#said")).to_contain_text("handsets shown")
    await page.click("#language")
    await expect(page.locator("#language")).to_be_focused()
    await expect(page.locator("#search")).to_have_value("handset")
    assert await visitor.texts("nav a") == ["总览", "通话", "通话为何中断", "授权与权利", "政策与配置包"]
    assert await page.title() == "WeCall · 话机群"
    for view in VIEWS:
        await visitor.show(view)
        text = await page.locator("body").inner_text()
        assert not any(word in text for word in ("Online", "Handset", "Started", "Due", "Loading", "shown"))
    await page.click("#language")
    await expect(page.locator("h1")).to_have_text("Policies & bundles")
    assert await page.evaluate("document.documentElement.lang") == "en-GB"


async def test_light_and_dark_follow_the_system_until_somebody_chooses(visitor: FleetVisitor) -> None:
    page = visitor.page
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = await page.evaluate(ground)
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(ground)
    assert dark != light
    await page.click("#theme")
    assert await page.evaluate(ground) == light
    await page.emulate_media(color_scheme="light")
    await page.click("#theme")
    assert await page.evaluate(ground) == dark


@pytest.mark.feature("fleet page")
async def test_axe_finds_no_fault_in_any_view_light_and_dark(
    browser: Browser, site: FleetPageSite, simulated: FleetSimulator
) -> None:
    # Only here the policy is put aside: axe itself is put into the page.
    async with FleetVisitor(browser, site, bypass_csp=True) as visitor:
        page = visitor.page
        await page.add_script_tag(path=AXE)
        # However few results there are, their list scrolls.
        await page.add_style_tag(content=".results .bars { max-height: 20px !important }")
        found: dict[str, list[str]] = {}

        async def look(view: str) -> None:
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                found[f"{view}, {scheme}"] = await page.evaluate(_FAULTS)

        await look("login")
        await visitor.enter("dashboard.second")
        await visitor.choose("fleet", "north")
        for view in VIEWS:
            await visitor.show(view)
            await look(view)
        await visitor.show("overview")
        await page.click('[data-key="north/handset-0010"]')
        await expect(page.locator(".calls-list .first").first).to_be_visible()
        await look("device")
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await look("keys")
        await page.keyboard.press("Escape")
        await page.set_viewport_size({"width": 390, "height": 844})
        for view in VIEWS:
            await visitor.show(view)
            assert await page.evaluate("document.documentElement.scrollWidth") == 390
        await look("phone")
    assert {view: faults for view, faults in found.items() if faults} == {}
    assert len(found) == 2 * (len(VIEWS) + 4)


async def _focused(page: Page) -> str:
    """Name what has the focus: a handset's key, an id, or the words."""
    name: str = await page.evaluate(
        "(({ dataset, id, textContent }) => dataset.key || id || textContent)(document.activeElement)"
    )
    return name


async def _is_red(page: Page, selector: str) -> bool:
    """Tell whether something has the colour of what is wrong."""
    colours: list[str] = await page.evaluate(_COLOURS, selector)
    return colours[0] == colours[1]


async def _until_gone(site: FleetPageSite, device: str, left: set[int]) -> None:
    """Wait until the collector's database has no other calls of a handset than these."""
    engine = site.collector.engine()
    try:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while True:
                with engine.connect() as connection:
                    found = set(connection.execute(select(calls.c.seq).where(calls.c.device == device)).scalars())
                if found == left:
                    return
                await asyncio.sleep(0.05)
    finally:
        engine.dispose()
