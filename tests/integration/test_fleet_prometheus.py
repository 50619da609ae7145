"""The figures, the alerts and the configuration that ship, in a real Prometheus."""

import math
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, update

from fleet.collector.database import open_database, writing
from fleet.collector.settings import Storage
from fleet.metrics import Counts
from fleet.tables import alert_channels, requests
from tests.lab.fleet_api import TOKEN, FleetApi
from tests.lab.grafana import expanded_promql, queries
from tests.lab.prometheus import SHIPPED, Prometheus
from tests.lab.seeded_fleet import FLEETS, SeededFleet

pytestmark = pytest.mark.story

FLEET = SeededFleet(calls_each=100, now=datetime.now(UTC).replace(microsecond=0))


@dataclass
class Site:
    """A collector's API and whoever watches it."""

    engine: Engine
    counts: Counts
    api: FleetApi
    prometheus: Prometheus


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    engine = open_database(Storage(url=f"sqlite:///{folder / 'calls.db'}"))
    FLEET.fill(engine)
    with writing(engine).begin() as connection:
        late, soon = date.today() - timedelta(days=3), date.today() + timedelta(days=3)  # noqa: DTZ011 - three days off
        connection.execute(update(requests).values(due=soon))
        connection.execute(update(requests).where(requests.c.device == "handset-0001").values(due=late))
        connection.execute(insert(alert_channels).values(channel="mail", next_at=FLEET.now, failures=1))
    counts = Counts()
    for gauge in (counts.database_up, counts.connected):
        gauge.set(1)
    counts.quarantined.labels("schema").inc(7)
    with (
        FleetApi(engine, folder, registry=counts.registry) as api,
        Prometheus(folder / "prometheus", api.url, TOKEN) as prometheus,
    ):
        prometheus.settles_at(lambda: [value for _, value in prometheus.values("up")], [1.0])
        yield Site(engine, counts, api, prometheus)


def run(*arguments: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_configuration_and_the_alerts(site: Site) -> None:
    run("check", "config", site.prometheus.configuration)
    run("check", "rules", "--lint-fatal", SHIPPED / "alerts.yml")


@pytest.mark.feature("Prometheus")
def test_each_alert_fires_when_it_should_and_not_before() -> None:
    run("test", "rules", "alerts.test.yml", cwd=SHIPPED)


def test_each_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    names = set(re.findall(r"- alert: (\w+)", (SHIPPED / "alerts.yml").read_text()))
    tried = re.findall(r"alertname: (\w+)\n +exp_alerts:( \[\])?", (SHIPPED / "alerts.test.yml").read_text())
    assert {name for name, nothing in tried if not nothing} == names
    assert names - {name for name, nothing in tried if nothing} == set()


def test_prometheus_gets_in_with_its_token_and_loads_every_alert(site: Site) -> None:
    prometheus = site.prometheus
    prometheus.settles_at(lambda: [value for _, value in prometheus.values("up")], [1.0])
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == (SHIPPED / "alerts.yml").read_text().count("- alert:")
    prometheus.wait_until(
        lambda: {rule["health"] for group in prometheus.ask("rules")["groups"] for rule in group["rules"]} == {"ok"},
        "every alert evaluated",
    )


def test_every_figure_that_an_alert_asks_for_is_there(site: Site) -> None:
    asked = set(re.findall(r"wecall_\w+", (SHIPPED / "alerts.yml").read_text()))
    site.prometheus.settles_at(lambda: [name for name in sorted(asked) if site.prometheus.values(name) == []], [])


def test_no_figure_names_a_handset_a_holder_or_a_number(site: Site) -> None:
    def names() -> set[str]:
        series = site.prometheus.values('{__name__=~"wecall_.+"}')
        return {name for labels, _ in series for name in labels} - {"__name__", "job", "instance", "le", "topic"}

    site.prometheus.settles_at(
        names, {"fleet", "state", "standing", "purpose", "answer", "reason", "result", "channel"}
    )
    text = site.api.client.get("/metrics").text
    assert "handset-" not in text
    assert "+86" not in text


def test_figures_are_those_of_the_fleet(site: Site) -> None:
    wanted = {
        'sum(wecall_fleet_devices{state="offline"})': 8,
        'wecall_fleet_devices{state="no_line", fleet="south"}': 1,
        'wecall_fleet_devices{state="retired", fleet="south"}': 1,
        'sum(wecall_fleet_consents{purpose="cdr_sync"})': 39,
        'wecall_fleet_erasures_outstanding{fleet="north"}': 2,
        'wecall_fleet_requests{fleet="north", standing="overdue"}': 1,
        'wecall_collector_quarantined_total{reason="schema"}': 7,
        'wecall_fleet_alert_failures{channel="mail"}': 1,
        'wecall_fleet_longest_offline_seconds{fleet="south"} > bool 86400': 1,
        'wecall_fleet_longest_no_line_seconds{fleet="south"} > bool 3600': 1,
        'wecall_fleet_longest_no_line_seconds{fleet="north"}': 0,
    }

    def figures() -> dict[str, list[float]]:
        return {expression: [value for _, value in site.prometheus.values(expression)] for expression in wanted}

    site.prometheus.settles_at(figures, {expression: [value] for expression, value in wanted.items()})


def test_every_query_of_grafanas_dashboards_has_something_to_draw(site: Site) -> None:
    counts = site.counts
    asked = {query.name: expanded_promql(query.text, "10s", list(FLEETS)) for query in queries() if not query.is_sql}
    assert len(asked) > 15

    def empty() -> list[str]:
        counts.received.labels("cdr").inc()
        counts.commit_s.observe(0.003)
        answers = {name: site.prometheus.values(expression) for name, expression in asked.items()}
        return [name for name, values in answers.items() if not values or any(math.isnan(value) for _, value in values)]

    site.prometheus.wait_until(lambda: empty() == [], "something in every panel")


def test_a_late_request_rings_at_once_and_what_may_pass_waits(site: Site) -> None:
    site.prometheus.wait_until(
        lambda: site.prometheus.alerts().get(("WeCallRequestLate", "north")) == "firing", "the alert of a late request"
    )
    for alert in ("WeCallHandsetOfflineTooLong", "WeCallHandsetWithoutLine"):
        site.prometheus.settles_at(lambda: site.prometheus.alerts().get((alert, "south")), "pending")  # noqa: B023 - asked here
    assert ("WeCallRequestLate", "south") not in site.prometheus.alerts()
    with writing(site.engine).begin() as connection:
        connection.execute(update(requests).where(requests.c.device == "handset-0001").values(closed_at=FLEET.now))
    site.prometheus.wait_until(
        lambda: ("WeCallRequestLate", "north") not in site.prometheus.alerts(), "the end of the alert"
    )


def test_a_database_that_takes_nothing_is_on_its_way_to_an_alert(site: Site) -> None:
    site.counts.database_up.set(0)
    site.prometheus.wait_until(
        lambda: "WeCallDatabaseDown" in {name for name, _ in site.prometheus.alerts()}, "the alert of the database"
    )
    site.counts.database_up.set(1)
    site.prometheus.wait_until(
        lambda: "WeCallDatabaseDown" not in {name for name, _ in site.prometheus.alerts()}, "the end of the alert"
    )


def test_a_collector_that_answers_no_more_is_on_its_way_to_an_alert(site: Site) -> None:
    site.api.stop()
    site.prometheus.wait_until(
        lambda: "WeCallCollectorDown" in {name for name, _ in site.prometheus.alerts()}, "the alert of the collector"
    )
    assert [value for _, value in site.prometheus.values("up")] == [0.0]
