"""The Node-RED flow that ships, in a real Node-RED beside the broker that ships, seen in Chromium."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose, RequestKind, RequestState
from contract.messages import (
    CallDetailRecord,
    CdrMessage,
    ClockQuality,
    ConsentMessage,
    ErasureMessage,
    ErasureReason,
    Message,
    OutcomeMessage,
    PurposeState,
    RecordRange,
    RequestStatement,
    Topic,
    timestamp,
)
from contract.results import OutcomeCode
from firmware.sync.broker import BrokerConnection
from firmware.sync.publications import Publication
from tests.lab.browser import Browser
from tests.lab.fleet_broker import FleetBroker
from tests.lab.node_red import FLOW, NodeRed

USER = "dashboard.node-red"
NUMBER = "+861012345678"
# Node-RED draws once a second, and a busy machine more rarely.
PATIENCE_MS = 30_000
MESSAGE = "5eed" * 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fleet")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[FleetBroker]:
    with FleetBroker(folder / "broker", dashboards=("main", "node-red")) as broker:
        yield broker


@pytest.fixture(scope="module")
def node_red(folder: Path, broker: FleetBroker) -> Iterator[NodeRed]:
    """Return one with the flow in it."""
    environment = {
        "WECALL_BROKER_HOST": "localhost",
        "WECALL_BROKER_PORT": str(broker.password_port),
        "WECALL_BROKER_CA": str(broker.ca_path),
        "WECALL_BROKER_USER": USER,
        "WECALL_BROKER_PASSWORD": broker.password_of(USER),
    }
    with NodeRed(folder / "node-red", environment) as node_red:
        node_red.import_flow()
        yield node_red


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    browser = Browser()
    await browser.start()
    yield browser
    await browser.stop()


def call(seq: int) -> CallDetailRecord:
    now_s = datetime.now(UTC).timestamp()
    return CallDetailRecord(
        id=f"{seq:032x}",
        device="handset-1",
        account="a" * 32,
        direction=CallDirection.OUTGOING,
        number=NUMBER,
        started_at=timestamp(now_s - 60),
        answered_at=timestamp(now_s - 50),
        ended_at=timestamp(now_s),
        result=DisconnectReason.REMOTE_HANGUP,
        sip_code=200,
        clock_quality=ClockQuality(synced=True, boot_id="01234567-89ab-cdef-0123-456789abcdef"),
        epoch=1,
        seq=seq,
    )


def consent() -> ConsentMessage:
    asked = timestamp(datetime.now(UTC).timestamp())
    return ConsentMessage(
        device="handset-1",
        purposes=(
            PurposeState(purpose=Purpose.CDR_SYNC, granted=True, since=asked),
            PurposeState(purpose=Purpose.OPERATOR_NOTICES, granted=False, since=None),
        ),
        policy_version="2026-01",
        ledger_entries=1,
        ledger_head="0" * 64,
        ledger_intact=True,
        requests=(
            RequestStatement(number=1, kind=RequestKind.ACCESS, due="2026-01-05", state=RequestState.OVERDUE),
            RequestStatement(number=2, epoch=4711, kind=RequestKind.COPY, due=None, state=RequestState.OPEN),
        ),
        epoch=1,
        seq=100,
    )


async def tell(handset: BrokerConnection, topic: Topic, message: Message) -> None:
    await handset.publish(Publication((), topic, message.written(), retain=topic is Topic.CONSENT))


async def expect_row(page: Page, *cells: str) -> None:
    """Wait until a table has a row that holds all these words."""
    row = page.locator("tbody tr")
    for cell in cells:
        row = row.filter(has=page.get_by_text(cell, exact=True))
    await expect(row).to_have_count(1, timeout=PATIENCE_MS)


@pytest.mark.feature("Node-RED")
async def test_a_fleet_manager_sees_the_fleet_live_in_node_red(
    broker: FleetBroker, node_red: NodeRed, browser: Browser
) -> None:
    page = await browser.open(node_red.dashboard, height_px=1200)
    handset = BrokerConnection(broker.settings_of("handset-1"))
    await handset.open()
    await handset.publish_status(can_call=False)
    await expect_row(page, "handset-1", "no line")
    await handset.publish_status(can_call=True)
    await expect_row(page, "handset-1", "online")

    # What one says wrongly is passed over, and the rest is drawn.
    await handset.publish(Publication((), Topic.OUTCOME, b"null", retain=False))
    await handset.publish(Publication((), Topic.CDR, b'{"records": {}}', retain=False))
    await handset.publish(Publication((), Topic.CONSENT, b'{"purposes": 5, "requests": [null, {}]}', retain=True))
    await expect(page.get_by_text("1 unreadable messages")).to_be_visible(timeout=PATIENCE_MS)

    await tell(handset, Topic.CDR, CdrMessage(records=(call(1), call(2))))
    # What a broker delivers again is counted once.
    await tell(handset, Topic.CDR, CdrMessage(records=(call(2), call(3))))
    await expect_row(page, "remote_hangup", "3")

    await tell(handset, Topic.CONSENT, consent())
    await expect_row(page, "cdr_sync", "100 %")
    await expect_row(page, "operator_notices", "0 %")
    await expect_row(page, "access 1", "LATE", "2026-01-05")
    await expect(page.get_by_text("1 online · 0 no line · 0 offline · requests: 2 open, 1 late")).to_be_visible(
        timeout=PATIENCE_MS
    )

    outcome = OutcomeMessage(device="handset-1", message=MESSAGE, code=OutcomeCode.IN_FORCE, epoch=1, seq=101)
    await tell(handset, Topic.OUTCOME, outcome)
    await expect_row(page, f"{MESSAGE[:12]}: in_force", "1")

    ranges = (RecordRange(epoch=1, first=1, last=2),)
    reason = ErasureReason.DELETED
    notice = ErasureMessage(device="handset-1", reason=reason, cancelled=False, records=ranges, epoch=1, seq=102)
    await tell(handset, Topic.ERASURE, notice)
    await expect_row(page, "remote_hangup", "1")

    await handset.close()
    await expect_row(page, "handset-1", "offline")
    await expect(page.get_by_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d$"))).to_be_visible(timeout=PATIENCE_MS)
    assert NUMBER not in await page.content()

    leaving = BrokerConnection(broker.settings_of("handset-1", departing=True))
    await leaving.open()
    await leaving.publish_status(can_call=None)
    await leaving.publish(Publication((), Topic.CONSENT, b"", retain=True))
    await leaving.close()
    await expect(page.get_by_text("handset-1", exact=True)).to_have_count(0, timeout=PATIENCE_MS)
    assert node_red.complaints == []


def test_the_flow_holds_no_credentials_and_node_red_keeps_none_in_the_clear(
    broker: FleetBroker, node_red: NodeRed
) -> None:
    nodes = json.loads(FLOW.read_text())
    assert [node["credentials"] for node in nodes if "credentials" in node] == [
        {"user": "${WECALL_BROKER_USER}", "password": "${WECALL_BROKER_PASSWORD}"}
    ]
    stored = node_red.stored()
    assert "mqtt-broker" in stored
    assert broker.password_of(USER) not in stored
