"""Which part of the handset does what is asked for."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.consent import Actor
from firmware.base.proven_time import is_synchronised
from firmware.phone.events import Event
from firmware.phone.pin import PinSlot
from firmware.phone.requests.handset import Facts, Loudness
from firmware.phone.requests.pictures import FolderJob
from firmware.privacy.receipts import Issuer
from firmware.services.account.factory_reset import STORE_NAME, Resetting
from firmware.services.account.forgotten_pin import ForgottenPin
from firmware.services.activation import NumberProofErrands
from firmware.services.calls import CallErrands
from firmware.services.consents import ConsentErrands
from firmware.services.contact_files import ContactFiles
from firmware.services.contacts import ContactErrands
from firmware.services.copies import CopyErrands, CopyParts
from firmware.services.country import CountryErrands
from firmware.services.data_copy import DataCopy, Sources
from firmware.services.doctor.findings import Condition
from firmware.services.documents import DocumentErrands
from firmware.services.exports import Exports
from firmware.services.facts import FactsErrands
from firmware.services.folder import FolderErrands, Job
from firmware.services.help_code import HelpCodeErrands
from firmware.services.import_gate import ImportGate
from firmware.services.operator.verification import Verifier
from firmware.services.photos import ContactPhotos
from firmware.services.pictures import PictureErrands
from firmware.services.pin import PinErrands
from firmware.services.proofs import Proofs
from firmware.services.recording.player import RecordingPlayer
from firmware.services.recordings import RecordingErrands
from firmware.services.records import Records
from firmware.services.reset import ResetErrands
from firmware.services.restore.errands import CopyInbox, RestoreErrands
from firmware.services.restore.restorer import RestoreParts, Restorer
from firmware.services.rights import RightsErrands, RightsParts
from firmware.services.runner import Handlers
from firmware.services.self_test import SelfTestErrands
from firmware.services.sharing import SharingErrands
from firmware.settings.phone import Identity


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers work with.

    Attributes:
        records: the store; None where there is none.
        player: plays recordings; None where there is no store.
        state_dir: where the store is.
        exchange_dir: the folder from which the menu imports.
        note_files: is told why files of it cannot be deleted, and nothing where they were.
        exports: what a stick may fetch.
        restorer: brings copies back; None where there is no store.
        forgotten_pin: asks for a reset; None without a configuration.
        inbox: where a stick leaves them.
        forget_bundles: deletes bundles of which something is still to be taken in; may wait for the card.
        identity: which handset this is.
        issuer: whose receipts for consents it makes.
        condition: tells what the handset knows about its own parts.
        start_anew: ends this run of the handset and begins another.
        resetting: begins a factory reset.
        pictures_changed: has the pictures that are at hand loaded anew.
        attribute: says where a number belongs, within a millisecond; empty where that is unknown.
        language: which one the display speaks now.
        cancel: begins to give the phone back, and has it start anew.
        reload: tells the phone what the store holds now.
        verifier: proves the line's number; None where the operator offers that not.
        loudness: tells how loud the microphone has been since it was asked last.
        set_up_facts: tells which bundle has set the handset up; may wait for the card.
    """

    records: Records | None
    player: RecordingPlayer | None
    state_dir: Path
    exchange_dir: Path
    note_files: Callable[[str], None]
    exports: Exports
    restorer: Restorer | None
    forgotten_pin: ForgottenPin | None
    inbox: CopyInbox
    forget_bundles: Callable[[], None]
    identity: Identity
    issuer: Issuer
    condition: Callable[[], Awaitable[Condition]]
    start_anew: Callable[[], None]
    resetting: Resetting
    pictures_changed: Callable[[], None]
    attribute: Callable[[str], str]
    language: Callable[[], str]
    cancel: Callable[[Actor], Awaitable[None]]
    reload: Callable[[], None]
    loudness: Callable[[], Awaitable[Loudness]]
    verifier: Verifier | None = None
    set_up_facts: Callable[[], Facts] = tuple


def errand_handlers(services: Services, post: Callable[[Event], None]) -> Handlers:
    """Return a handler for each type of request that can be done.

    Args:
        services: what there is; without a store only what needs none can be done.
        post: takes what the phone hears beside the answers, in the main thread.
    """
    handlers: Handlers = {
        **FactsErrands(services.identity, services.state_dir, services.condition, services.set_up_facts).handlers,
        **CountryErrands(services.state_dir, services.start_anew).handlers,
        **HelpCodeErrands(
            services.condition,
            services.records.call_log if services.records else None,
            services.records.consents if services.records else None,
        ).handlers,
        **SelfTestErrands(services.state_dir, services.loudness).handlers,
    }
    if services.forgotten_pin is not None:
        handlers |= services.forgotten_pin.handlers
    if (records := services.records) is None:
        unreadable = (services.state_dir / STORE_NAME).exists()
        return {**handlers, **ResetErrands(services.resetting, None, unreadable=unreadable).handlers}
    gate = ImportGate(lambda: records.consents)
    if services.player is not None:
        recordings = RecordingErrands(
            records.recordings, services.player, language=services.language, clock=_trusted_time
        )
        handlers |= recordings.handlers
    pictures = PictureErrands(records.pictures, gate, services.pictures_changed)
    contact_files = ContactFiles(records.contacts, ContactPhotos(records.pictures), gate, post)

    proofs = Proofs({PinSlot.HOLDER: records.pin, PinSlot.GUARDIAN: records.guardian_pin}, records.requests)
    if services.restorer is not None:
        handlers |= RestoreErrands(services.restorer, services.inbox, gate, proofs, post).handlers
    copies = CopyParts(
        requests=records.requests,
        copy=copy_of_everything(records, services.identity, services.issuer, services.exports),
        contact_files=contact_files,
        recordings=records.recordings,
        exports=services.exports,
    )
    jobs: Mapping[FolderJob, Job] = {
        FolderJob.IMPORT_CONTACTS: contact_files.import_from,
        FolderJob.IMPORT_PICTURES: pictures.import_from,
    }
    return {
        **handlers,
        **PinErrands(records.pin, records.guardian_pin, records.consents, post).handlers,
        **ConsentErrands(records.consents, records.documents.catalogues, services.issuer, services.language).handlers,
        **NumberProofErrands(records.number_proof, services.verifier, post).handlers,
        **DocumentErrands(
            records.documents.policies, records.documents.notices, records.documents.catalogues, services.language
        ).handlers,
        **ContactErrands(records.contacts, post).handlers,
        **CallErrands(records.call_log, attribute=services.attribute, language=services.language, post=post).handlers,
        **pictures.handlers,
        **SharingErrands(records.shares, services.language).handlers,
        **ResetErrands(services.resetting, proofs).handlers,
        **RightsErrands(_rights(services, records), proofs, services.language).handlers,
        **CopyErrands(copies, proofs, post).handlers,
        **FolderErrands(services.exchange_dir, jobs, post).handlers,
    }


def _trusted_time() -> float | None:
    return time.time() if is_synchronised() else None


def _rights(services: Services, records: Records) -> RightsParts:
    return RightsParts(
        my_data=records.my_data,
        retention=records.retention,
        erasure=records.erasure,
        requests=records.requests,
        answers=records.documents.answers,
        exchange_dir=services.exchange_dir,
        note_files=services.note_files,
        forget_bundles=services.forget_bundles,
        rotate_key=records.rotate_key,
        cancel=services.cancel,
        reload=services.reload,
        stop_playing=services.player.stop if services.player is not None else lambda: None,
    )


def restore_parts(records: Records, exports: Exports, reload: Callable[[], None]) -> RestoreParts:
    """Say where what is in a copy is kept."""
    return RestoreParts(
        contacts=records.contacts,
        messages=records.messages,
        preferences=records.preferences,
        pictures=records.pictures,
        recordings=records.recordings,
        consents=records.consents,
        gate=ImportGate(lambda: records.consents),
        erasures=lambda: exports.generation,
        reload=reload,
    )


def copy_of_everything(records: Records, identity: Identity, issuer: Issuer, exports: Exports) -> DataCopy:
    """Make what writes copies of all that there is."""
    sources = Sources(
        my_data=records.my_data,
        contacts=records.contacts,
        recordings=records.recordings,
        pictures=records.pictures,
        consents=records.consents,
        catalogues=records.documents.catalogues,
        issuer=issuer,
        account={"device": identity.device, "fleet": identity.fleet, "lines": [line for line, _ in identity.servers]},
        synced=is_synchronised,
    )
    return DataCopy(sources, exports)
