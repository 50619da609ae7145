"""What the local sockets answer: each role, over what the handset has; where it has no store, they say so."""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from contract.downlink import DownTopic
from firmware.app.admin.configurations import ConfigRole
from firmware.app.admin.consents import ConsentRole
from firmware.app.admin.contacts import ContactRole
from firmware.app.admin.documents import DocumentRole
from firmware.app.admin.handset import AdminRole
from firmware.app.admin.my_data import CopyParts, MyDataRole
from firmware.app.admin.pictures import PictureRole
from firmware.app.admin.reset import Guarding, ResetRole
from firmware.app.admin.store_key import KeyRole
from firmware.app.admin.updates import UpdateRole
from firmware.configuration.standing import BundleSource
from firmware.control.export_role import ExportRole
from firmware.control.lan_role import LanRole
from firmware.control.requests import Role
from firmware.control.server import Handler
from firmware.control.stick_role import StickRole
from firmware.control.sync_role import LineStanding, SyncRole
from firmware.phone.bundle_news import BundleNews
from firmware.phone.view import PhoneView
from firmware.ports.broker import BrokerProblem, BrokerSettings, BrokerState, Traffic
from firmware.ports.outbox import Outbox
from firmware.services.account.factory_reset import Resetting
from firmware.services.account.outbox import CancellationOutbox
from firmware.services.doctor.findings import Condition
from firmware.services.exports import Exports
from firmware.services.import_gate import ImportGate
from firmware.services.operator.inbound import AnswersAndResets, BrokerMemory, Inbound, Taker
from firmware.services.records import Records
from firmware.services.restore.errands import CopyInbox
from firmware.setup.bundles.by_lan import LanBundles
from firmware.setup.bundles.by_network import NetworkBundles, NetworkIntake
from firmware.setup.bundles.intake import Intake
from firmware.setup.bundles.service import BundleService
from firmware.setup.update.service import UpdateService
from firmware.store.guardian_mark import GuardianMark
from provisioning.report import HardwareTest
from provisioning.serial import serial


def admin_handlers(
    records: Records | None,
    *,
    view: Callable[[], PhoneView],
    page_lines: Callable[[], tuple[str, ...]],
    condition: Callable[[], Awaitable[Condition]],
    own_condition: Callable[[], Awaitable[Condition]],
    copy_parts: Callable[[], CopyParts | None],
    exports: Exports,
    resetting: Resetting,
    guardian_mark: GuardianMark,
    pictures_changed: Callable[[], None],
    contacts_changed: Callable[[], Awaitable[None]],
    bundles: Callable[[], BundleService | None],
    updates: UpdateService,
) -> Mapping[str, Handler]:
    """Return what the administrator may ask."""
    gate = ImportGate(lambda: records.consents if records else None)
    roles = (
        AdminRole(
            view=view,
            page_lines=page_lines,
            condition=condition,
            own_condition=own_condition,
            call_log=lambda: records.call_log if records else None,
        ),
        PictureRole(lambda: records.pictures if records else None, gate, pictures_changed),
        ContactRole(
            lambda: records.contacts if records else None,
            lambda: records.pictures if records else None,
            gate,
            contacts_changed,
            exports,
        ),
        ConsentRole(
            lambda: records.consents if records else None,
            lambda: records.documents.catalogues if records else None,
            lambda: records.pins if records else {},
        ),
        KeyRole(lambda: records.rotate_key if records else None),
        ResetRole(resetting, lambda: Guarding(records.pins, records.requests) if records else None, guardian_mark),
        MyDataRole(copy_parts),
        ExportRole(exports),
        DocumentRole(lambda: records.documents if records else None),
        ConfigRole(bundles),
        UpdateRole(updates),
    )
    return {name: handler for role in roles for name, handler in role.handlers.items()}


def sync_handlers(
    records: Records | None,
    outbox: Outbox | None,
    cancellation: Callable[[Inbound | None], CancellationOutbox],
    settings: Callable[[], BrokerSettings | None],
    *,
    reset: Taker | None,
    note_broker: Callable[[BrokerState, BrokerProblem], None],
    line: LineStanding,
    intake: NetworkIntake | None,
) -> Mapping[str, Handler] | None:
    """Return what the sync process may ask; None where it has nothing to carry.

    Args:
        records: what is kept.
        outbox: what of it waits for the broker; None where there is no store.
        cancellation: makes what speaks of a holder who has gone, and after that hands on what the broker sends.
        settings: which broker it is.
        reset: takes orders to erase the handset, which come as answers do; None where nobody can give one.
        note_broker: told how the sync process stands with it.
        line: knows whether an account can call.
        intake: where bundles go that come over the network.
    """
    inbound = None
    if records is not None:
        documents = records.documents
        inbound = Inbound(
            records.outbox,
            records.consents,
            {
                DownTopic.POLICY: documents.policies,
                DownTopic.NOTICE: documents.notices,
                DownTopic.ANSWER: AnswersAndResets(documents.answers, reset),
                DownTopic.UPDATE: documents.updates,
            },
            time.monotonic,
        )
    if (leaving := cancellation(inbound)).waits:
        # Nobody sets a handset up anew over a connection that is there to say farewell.
        bundles = NetworkBundles(None, time.monotonic)
        role = SyncRole(leaving, leaving.settings, note_broker, leaving, _forget, bundles=bundles, line=line)
        return role.handlers
    if records is None or outbox is None or inbound is None:
        return None
    memory = BrokerMemory(records.consents.announce, note_broker)
    bundles = NetworkBundles(intake, time.monotonic)
    role = SyncRole(outbox, settings, memory.note, inbound, records.traffic.add, bundles=bundles, line=line)
    return role.handlers


def stick_handlers(
    intake: Intake,
    exports: Exports,
    tell: Callable[[BundleNews], None],
    inbox: CopyInbox,
    updates: UpdateService,
    *,
    hardware: Callable[[], HardwareTest | None],
) -> Mapping[str, Handler]:
    """Return what the stick process may ask; `tell` lets the phone hear of the stick, `inbox` takes a copy."""
    bring = partial(intake.bring, BundleSource.STICK)
    return StickRole(bring, intake, exports, tell, inbox.bring, updates=updates, hardware=hardware).handlers


def first_bundle_handlers(intake: Intake) -> Mapping[Role, Mapping[str, Handler]]:
    """Return what whoever looks for bundles on the local network, or fetches them, may ask."""
    role = LanRole(LanBundles(intake, serial(), time.monotonic))
    return {Role.LAN: role.handlers, Role.FETCH: role.fetch_handlers}


async def _forget(_traffic: Traffic) -> None:
    """Keep nothing of a holder who has gone."""
