"""Logging in to the fleet's page by an OpenID provider: a real one, a real browser, the collector's own process."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from click.testing import CliRunner
from playwright.async_api import Page, Route, expect
from sqlalchemy import select

from fleet.api.attempts import PER_MINUTE
from fleet.check.command import check
from fleet.tables import audit
from tests.lab.browser import Browser
from tests.lab.fleet_page_site import FleetPageSite
from tests.lab.fleet_visitor import FleetVisitor
from tests.lab.lying_provider import CHALLENGE, VERIFIER
from tests.lab.open_id_provider import NAME, OpenIdProvider
from tools.page.vendor import AXE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.story]

ANNA: Final = "anna@example.com"
BEN: Final = "ben@example.com"
UNVERIFIED: Final = "eve@example.com"
STRANGER: Final = "stranger@example.com"
PEOPLE: Final = {f"openid:{ANNA}": ["north"], f"openid:{BEN}": "*", f"openid:{UNVERIFIED}": "*"}

_STORED: Final = """async () => [
  document.cookie, localStorage.length, sessionStorage.length, (await indexedDB.databases()).length,
]"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> OpenIdProvider:
    return OpenIdProvider(tmp_path_factory.mktemp("provider"), unverified=[UNVERIFIED])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, provider: OpenIdProvider) -> Iterator[FleetPageSite]:
    folder = tmp_path_factory.mktemp("fleet")
    with FleetPageSite(folder, auditors=("main",), provider=provider, people=PEOPLE) as site, provider:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(browser: Browser, site: FleetPageSite) -> AsyncIterator[FleetVisitor]:
    # The provider's certificate is of the lab; the collector judges it by its settings, and this browser does not.
    async with FleetVisitor(browser, site, ignore_https_errors=True) as visitor:
        yield visitor


async def go_there(page: Page, person: str) -> None:
    """Press the page's button, and type a name and a password at the provider."""
    await page.get_by_role("button", name=f"Log in with {NAME}").click()
    await page.fill("input[name=login]", person)
    await page.fill("input[name=password]", "anything")
    await page.click("button[type=submit]")


async def come_back(page: Page, person: str) -> None:
    await go_there(page, person)
    await page.get_by_role("button", name="Continue").click()


async def shown(site: FleetPageSite, code: str = "c") -> httpx.Response:
    """Show a code as if one had begun that log-in."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{site.url}api/v1/session/open-id", json={"code": code, "verifier": VERIFIER})


@pytest.mark.feature("fleet page")
async def test_somebody_logs_in_there_and_sees_their_fleets_alone(
    visitor: FleetVisitor, site: FleetPageSite, provider: OpenIdProvider
) -> None:
    page = visitor.page
    await come_back(page, ANNA)
    await visitor.expect_live()
    await expect(page.locator("#fleet option")).to_have_text(["All fleets", "north"])
    # What the log-in needed is gone, from the tab, its address and its history.
    assert await page.evaluate(_STORED) == ["", 0, 0, 0]
    assert page.url == site.url
    await page.click("#logout")
    await expect(page.locator("#user")).to_be_visible()
    # The provider still knows who that is.
    await page.get_by_role("button", name=f"Log in with {NAME}").click()
    await visitor.expect_live()
    engine = site.collector.engine()
    with engine.connect() as connection:
        done = connection.execute(select(audit.c.action).where(audit.c.who == f"openid:{ANNA}")).scalars().all()
    engine.dispose()
    assert [each for each in done if each.startswith("logged")].count("logged_in") == 2
    assert "logged_out" in done
    assert ANNA not in site.collector.log
    # The provider's own page asks for a font that is nowhere here.
    assert {each for each in visitor.complaints if "ERR_NAME_NOT_RESOLVED" not in each} == set()


async def test_whom_the_settings_do_not_name_reads_by_what_name_they_would_be(visitor: FleetVisitor) -> None:
    await come_back(visitor.page, STRANGER)
    wrong = visitor.page.locator("#wrong")
    await expect(wrong).to_contain_text(f"You are openid:{STRANGER} there")


async def test_an_address_that_was_not_verified_opens_nothing(visitor: FleetVisitor) -> None:
    await come_back(visitor.page, UNVERIFIED)
    await expect(visitor.page.locator("#wrong")).to_contain_text("not accepted here")


async def test_who_turns_back_there_can_log_in_otherwise(visitor: FleetVisitor) -> None:
    page = visitor.page
    await go_there(page, BEN)
    await page.get_by_role("link", name="Cancel").click()
    await expect(page.locator("#wrong")).to_contain_text("not logged in there")
    await visitor.log_in()
    await visitor.expect_live()


async def test_a_code_of_another_window_opens_nothing(
    browser: Browser, visitor: FleetVisitor, site: FleetPageSite
) -> None:
    codes: list[str] = []

    async def keep(route: Route) -> None:
        codes.append(json.loads(route.request.post_data or "{}")["code"])
        await route.abort()

    await visitor.page.route("**/session/open-id", keep)
    await come_back(visitor.page, BEN)
    await expect(visitor.page.locator("#wrong")).to_contain_text("does not answer")
    (code,) = codes
    async with FleetVisitor(browser, site) as other:
        await other.page.goto(f"{site.url}?{urlencode({'code': code, 'state': CHALLENGE})}")
        await expect(other.page.locator("#wrong")).to_contain_text("not begun in this window")
        assert other.page.url == site.url
    got = await shown(site, code)
    assert (got.status_code, "token" in got.json()) == (401, False)


async def test_the_way_back_leads_to_the_page_that_the_provider_knows(
    visitor: FleetVisitor, site: FleetPageSite
) -> None:
    await visitor.page.goto(site.url.replace("127.0.0.1", "localhost"))
    await visitor.page.get_by_role("button", name=f"Log in with {NAME}").click()
    await expect(visitor.page.locator("#wrong")).to_contain_text(f"Open the page there: {site.url}")


@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "dark"), ("zh-CN", "light")])
async def test_the_form_names_the_provider_in_both_languages(
    browser: Browser, site: FleetPageSite, language: str, scheme: str
) -> None:
    async with FleetVisitor(browser, site, locale=language, color_scheme=scheme) as visitor:
        await expect(visitor.page.locator("#open-id")).to_contain_text(NAME)
        await visitor.page.evaluate(AXE.read_text("utf-8"))
        faults = await visitor.page.evaluate("async () => (await axe.run()).violations.map((each) => each.id)")
        assert faults == []
        await visitor.page.locator("#password").focus()
        for _ in range(2):
            await visitor.page.keyboard.press("Tab")
        assert await visitor.page.evaluate("document.activeElement.id") == "open-id"


async def test_a_provider_that_is_away_is_said_and_passwords_are_good(
    visitor: FleetVisitor, site: FleetPageSite, provider: OpenIdProvider
) -> None:
    provider.stop()
    try:
        assert (await shown(site)).status_code == 503
        await visitor.log_in()
        await visitor.expect_live()
        answers = [(await shown(site)).status_code for _ in range(PER_MINUTE + 1)]
        assert answers[-1] == 429
    finally:
        provider.start()


@pytest.mark.feature("fleet check")
async def test_a_check_says_whether_people_can_log_in_there(site: FleetPageSite, provider: OpenIdProvider) -> None:
    def row() -> tuple[str, str]:
        done = CliRunner().invoke(check, ["--settings", f"{site.collector.path}", "--json"])
        ((state, says),) = [
            (row["state"], row["says"]) for row in json.loads(done.stdout) if row["what"] == "OpenID provider"
        ]
        return state, says

    assert row() == ("good", f"It answers, and sends people back to {site.url}.")
    provider.stop()
    try:
        state, says = row()
        assert (state, "`issuer`" in says) == ("bad", True)
    finally:
        provider.start()


@pytest.mark.parametrize("method", ["client_secret_post", "none"])
async def test_a_provider_is_shown_what_it_wants(browser: Browser, tmp_path: Path, method: str) -> None:
    provider = OpenIdProvider(tmp_path / "provider", method=method)
    with FleetPageSite(tmp_path, provider=provider, people=PEOPLE) as site, provider:
        async with FleetVisitor(browser, site, ignore_https_errors=True) as visitor:
            await come_back(visitor.page, BEN)
            await visitor.expect_live()


async def test_a_collector_without_one_says_so(tmp_path: Path, browser: Browser) -> None:
    with FleetPageSite(tmp_path) as site:
        async with FleetVisitor(browser, site) as visitor:
            await expect(visitor.page.locator("#open-id")).to_have_count(0)
        got = await shown(site)
        assert (got.status_code, "[http.open_id]" in got.json()["detail"]) == (404, True)
