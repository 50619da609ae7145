"""A fleet manager opens Home Assistant: handsets are there by themselves, say what may be said, and go when they go.

Home Assistant, the broker and the handset are real, in a network that leads nowhere else.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
import yaml

from contract.calls import DisconnectReason
from contract.consent import Purpose
from contract.messages import Topic, topic_name
from contract.results import OutcomeCode
from tests.lab.broker_guest import Guest
from tests.lab.fleet_broker import FLEET, FleetBroker
from tests.lab.home_assistant import HomeAssistant
from tests.lab.network import Namespace
from tests.lab.sync_site import DEVICE, SyncSite

pytestmark = pytest.mark.timeout(300)

DASHBOARDS: Final = Path(__file__).parents[2] / "fleet" / "home-assistant"

ONLINE: Final = "binary_sensor.handset_7_online"
LINE: Final = "binary_sensor.handset_7_line"
LAST_CALL: Final = "sensor.handset_7_last_call"
CONSENTS: Final = "sensor.handset_7_consents"
LAST_OUTCOME: Final = "sensor.handset_7_last_outcome"


@dataclass(frozen=True, slots=True)
class Office:
    """Where the fleet manager sits."""

    broker: FleetBroker
    dashboard: HomeAssistant

    async def sees(self, **states: str) -> None:
        """Wait until the dashboard shows these states."""

        def holds(shown: dict[str, str]) -> bool:
            return all(shown.get(name) == state for name, state in expected.items())

        entities = {
            "online": ONLINE,
            "line": LINE,
            "last_call": LAST_CALL,
            "consents": CONSENTS,
            "last_outcome": LAST_OUTCOME,
        }
        expected = {entities[name]: state for name, state in states.items()}
        await self.waits(holds)

    async def waits(self, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        return await asyncio.to_thread(self.dashboard.wait_for, holds)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with Namespace() as network, network.entered(), FleetBroker(folder / "broker") as broker:
        # Home Assistant asks for devices in its network, which without a way there is an error in its log.
        network.ip("route", "add", "224.0.0.0/4", "dev", "lo")
        (folder / "home-assistant").mkdir()
        with HomeAssistant(folder / "home-assistant", broker) as dashboard:
            yield Office(broker, dashboard)


@pytest_asyncio.fixture
async def handset(office: Office, tmp_path: Path) -> AsyncIterator[SyncSite]:
    """A handset of which the dashboard has heard, and forgets once the test ends."""
    site = SyncSite(tmp_path)
    site.settings = office.broker.settings_of(DEVICE, retry_base_s=0.1, retry_cap_s=0.5)
    site.runtime_dir.mkdir()
    await site.store.start()
    await site.start_handset()
    await site.store.consents.announce()
    await site.start_sync()
    # What goes out before the dashboard has subscribed to the topics, and is not retained, it never sees.
    await office.sees(online="on", last_call="unavailable", consents="0", last_outcome="unknown")
    try:
        yield site
        await retire(site)
        await office.waits(lambda states: not states)
    finally:
        await asyncio.to_thread(site.sync.kill)
        await site.stop_handset()
        await site.store.stop()


async def retire(site: SyncSite) -> None:
    """Let the holder go: from now on the broker is to forget the handset."""
    await asyncio.to_thread(site.sync.stop)
    site.change_settings(departing=True)
    await site.start_sync()


@pytest.mark.feature("Home Assistant")
async def test_a_handset_is_there_by_itself_and_shows_what_it_says(office: Office, handset: SyncSite) -> None:
    await handset.grant()
    await office.sees(consents="1", last_call="unknown")
    answers = office.dashboard.attributes(CONSENTS)
    assert {purpose: answers[purpose] for purpose in Purpose} == {
        purpose: purpose is Purpose.CDR_SYNC for purpose in Purpose
    }
    await handset.store.make_call(reason=DisconnectReason.BUSY, answered=False)
    await office.sees(last_call="busy")
    await handset.store.make_call()
    await office.sees(last_call="remote_hangup")
    await handset.store.outbox.queue_outcome("b" * 64, OutcomeCode.IN_FORCE)
    await office.sees(last_outcome="in_force")
    assert set(office.dashboard.states()) == {ONLINE, LINE, LAST_CALL, CONSENTS, LAST_OUTCOME}, "an entity for a call"


@pytest.mark.feature("Home Assistant")
async def test_the_dashboard_that_ships_says_it_in_words(office: Office, handset: SyncSite) -> None:
    async def says(language: str, *words: str) -> None:
        shipped = yaml.safe_load((DASHBOARDS / f"handsets.{language}.yaml").read_text(encoding="utf-8"))
        [view] = shipped["views"]
        [card] = view["cards"]
        table = await asyncio.to_thread(office.dashboard.rendered, card["content"])
        _, _, *rows = table.strip().splitlines()
        assert [[cell.strip() for cell in row.strip("|").split("|")] for row in rows] == [[DEVICE, *words]]

    await says("en", "Online", "not shared", "nothing", "—")
    await says("zh", "在线", "未共享", "无", "—")
    await handset.grant()
    await handset.store.outbox.queue_outcome("b" * 64, OutcomeCode.IN_FORCE)
    await office.sees(last_call="unknown", last_outcome="in_force")
    await says("en", "Online", "—", "Call records to the operator", "in force")
    await handset.store.make_call()
    await office.sees(last_call="remote_hangup")
    await handset.line.change(can_call=False)
    # There is a problem with its line; it is connected.
    await office.sees(online="on", line="on")
    await says("en", "No line", "hung up there", "Call records to the operator", "in force")
    await says("zh", "无法通话", "对方挂断", "向运营者上报通话记录", "已生效")
    await handset.line.change(can_call=True)
    await office.sees(online="on", line="off")
    await asyncio.to_thread(handset.sync.stop)
    await office.sees(online="off", line="unknown")
    await says("en", "Offline", "hung up there", "Call records to the operator", "in force")
    await says("zh", "离线", "对方挂断", "向运营者上报通话记录", "已生效")


async def test_what_it_said_stays_to_be_read_while_it_is_off_or_dead(office: Office, handset: SyncSite) -> None:
    await handset.grant()
    await handset.store.make_call()
    await office.sees(online="on", last_call="remote_hangup", consents="1")
    await asyncio.to_thread(handset.sync.stop)
    await office.sees(online="off", last_call="remote_hangup", consents="1")
    await handset.start_sync()
    await office.sees(online="on")
    await asyncio.to_thread(handset.sync.kill)
    await office.sees(online="off", last_call="remote_hangup", consents="1")


async def test_calls_of_a_holder_who_did_not_agree_show_nothing(office: Office, handset: SyncSite) -> None:
    await handset.store.make_call()
    await handset.store.outbox.queue_outcome("b" * 64, OutcomeCode.TAKEN)
    await office.sees(last_call="unavailable", last_outcome="taken")


async def test_the_last_call_is_hidden_as_soon_as_the_holder_takes_the_yes_back(
    office: Office, handset: SyncSite
) -> None:
    await handset.grant()
    await handset.store.make_call()
    await office.sees(last_call="remote_hangup")
    await handset.withdraw()
    await office.sees(last_call="unavailable", consents="0", online="on")


@pytest.mark.feature("Home Assistant")
async def test_a_handset_whose_holder_goes_leaves_no_entity_and_no_device(office: Office, handset: SyncSite) -> None:
    assert await asyncio.to_thread(office.dashboard.knows_device, DEVICE)
    await retire(handset)
    await office.waits(lambda states: not states)
    assert not await asyncio.to_thread(office.dashboard.knows_device, DEVICE)


async def test_with_discovery_off_an_earlier_introduction_is_taken_back(office: Office, handset: SyncSite) -> None:
    await asyncio.to_thread(handset.sync.stop)
    handset.change_settings(discovery=False)
    await handset.start_sync()
    await office.waits(lambda states: not states)


async def test_its_log_has_no_warning_about_handsets_and_would_have_one(office: Office, handset: SyncSite) -> None:
    # All that the tests before this one did is in that log, too.
    dashboard = office.dashboard
    assert dashboard.warnings_about_mqtt == []
    await asyncio.to_thread(handset.sync.stop)
    with Guest(office.broker, DEVICE) as forger:
        forger.may_publish(topic_name(FLEET, DEVICE, Topic.OUTCOME), b'{"code":"a word of its own"}')
        await office.waits(lambda _: bool(dashboard.warnings_about_mqtt))
        forger.may_publish(topic_name(FLEET, DEVICE, Topic.OUTCOME), b'{"code":"taken"}')
        await office.sees(last_outcome="taken")
    [warning] = dashboard.warnings_about_mqtt
    assert "a word of its own" in warning
