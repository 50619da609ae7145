"""Takes in what a bundle brings beside its configuration, once that counts: contacts, pictures, documents.

Each may be taken in again and nothing comes of it twice, for a power cut may come in between.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from contract.results import CheckCode, CheckName, OutcomeCode
from firmware.base.errors import HandsetError, NotGrantedError, PictureError
from firmware.phone.contact import cleaned_name
from firmware.phone.events import Event
from firmware.services.contact_files import ContactFiles
from firmware.services.import_gate import ConsentReader, ImportGate
from firmware.services.photos import ContactPhotos, read_picture
from firmware.store.contacts import StoredContacts
from firmware.store.pictures import StoredPictures
from provisioning.bundle import Bundle
from provisioning.errors import ProvisioningError
from provisioning.report import Check

_log = logging.getLogger(__name__)

CONTACTS: Final = "contacts.vcf"
_PICTURES: Final = "pictures"
_POLICIES: Final = "policies"
_NOTICES: Final = "notices"
_RESET: Final = "reset"
# REPLAYED and OLD: it was taken before.
_WELL_TAKEN: Final = frozenset({OutcomeCode.TAKEN, OutcomeCode.REPLAYED, OutcomeCode.OLD})


class Taker(Protocol):
    """Takes signed documents of one kind; one that was taken already changes nothing."""

    async def take(self, document: bytes) -> OutcomeCode: ...


class Documents(Protocol):
    """Where policies and notices go."""

    @property
    def policies(self) -> Taker: ...
    @property
    def notices(self) -> Taker: ...


class Holdings(Protocol):
    """What of the store things are taken into."""

    @property
    def consents(self) -> ConsentReader: ...
    @property
    def contacts(self) -> StoredContacts: ...
    @property
    def pictures(self) -> StoredPictures: ...
    @property
    def documents(self) -> Documents: ...


class Extras:
    """Takes them in, through the same gates as whatever else comes in by a stick."""

    def __init__(
        self,
        records: Holdings | None,
        scratch: Path,
        post: Callable[[Event], None],
        pictures_changed: Callable[[], None],
        reset: Taker | None = None,
    ) -> None:
        """Set up.

        Args:
            records: the store; None where there is none.
            scratch: a folder in memory, where files are put while they are looked at: they may hold somebody's data.
            post: tells the phone.
            pictures_changed: called when pictures came in.
            reset: takes orders to erase the handset; None where nobody can give one.
        """
        self._records = records
        self._scratch = scratch / "bundle"
        self._post = post
        self._pictures_changed = pictures_changed
        self._reset = reset

    async def take_in(self, bundle: Bundle) -> tuple[Check, ...]:
        """Take in what a bundle brings, and say what became of each kind."""
        kinds: tuple[tuple[CheckName, bool, Callable[[Holdings, Bundle], Awaitable[CheckCode]]], ...] = (
            (CheckName.CONTACTS, CONTACTS in bundle.names, self._contacts),
            (CheckName.PICTURES, bool(bundle.within(_PICTURES)), self._pictures),
            (CheckName.DOCUMENTS, bool(bundle.within(_POLICIES) or bundle.within(_NOTICES)), self._documents),
        )
        checks = [_check(name, await self._attempt(work, bundle)) for name, is_there, work in kinds if is_there]
        # Last, and without the store, which may wait for the PIN that nobody knows.
        return (*checks, *[await self._take_order(self._reset, bundle, name) for name in bundle.within(_RESET)])

    async def _take_order(self, reset: Taker | None, bundle: Bundle, name: str) -> Check:
        document = await asyncio.to_thread(bundle.read, name)
        outcome = await reset.take(document) if reset is not None else OutcomeCode.FAILED
        _log.info("An order to erase the handset was looked at: %s", outcome)
        codes = {OutcomeCode.TAKEN: CheckCode.OK, OutcomeCode.NOT_GRANTED: CheckCode.NOT_AGREED}
        return _check(CheckName.DOCUMENTS, codes.get(outcome, CheckCode.FAILED))

    async def _attempt(self, work: Callable[[Holdings, Bundle], Awaitable[CheckCode]], bundle: Bundle) -> CheckCode:
        if self._records is None:
            return CheckCode.FAILED
        try:
            await asyncio.to_thread(self._clear)
            return await work(self._records, bundle)
        except NotGrantedError:
            return CheckCode.NOT_AGREED
        except (HandsetError, ProvisioningError) as error:
            _log.warning("Something that a bundle brings is not taken in: %s", error)
        except OSError as error:
            _log.warning("Something that a bundle brings is not taken in: %s", error.strerror)
        finally:
            await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)
        return CheckCode.FAILED

    async def _contacts(self, records: Holdings, bundle: Bundle) -> CheckCode:
        gate = ImportGate(lambda: records.consents)
        await gate.require_consent()
        await asyncio.to_thread(self._extract, bundle, CONTACTS, CONTACTS)
        files = ContactFiles(records.contacts, ContactPhotos(records.pictures), gate, self._post)
        outcome = await files.import_from(self._scratch, lambda _percent: None)
        return CheckCode.OK if outcome.done else CheckCode.IN_PART

    async def _pictures(self, records: Holdings, bundle: Bundle) -> CheckCode:
        gate, since = ImportGate(lambda: records.consents), records.pictures.erasures
        await gate.require_consent()
        known = {kept.name for kept in await records.pictures.list()}
        left_out = 0
        for name in bundle.within(_PICTURES):
            path = Path(name)
            title = cleaned_name(path.stem) or path.suffix[1:]
            if title in known:
                continue
            try:
                file = await asyncio.to_thread(self._extract, bundle, name, path.name)
                picture = await asyncio.to_thread(read_picture, file)
                await gate.require_consent()
                await records.pictures.add(title, picture, since=since)
            except PictureError as error:
                _log.warning("A picture in the bundle is not taken in: %s", error)
                left_out += 1
            finally:
                await asyncio.to_thread((self._scratch / path.name).unlink, missing_ok=True)
        self._pictures_changed()
        return CheckCode.IN_PART if left_out else CheckCode.OK

    async def _documents(self, records: Holdings, bundle: Bundle) -> CheckCode:
        outcomes: set[OutcomeCode] = set()
        for folder, taker in ((_POLICIES, records.documents.policies), (_NOTICES, records.documents.notices)):
            for name in bundle.within(folder):
                outcome = await taker.take(await asyncio.to_thread(bundle.read, name))
                _log.info("A document in the bundle was looked at: %s", outcome)
                outcomes.add(outcome)
        if outcomes <= _WELL_TAKEN:
            return CheckCode.OK
        return CheckCode.NOT_AGREED if outcomes <= {*_WELL_TAKEN, OutcomeCode.NOT_GRANTED} else CheckCode.IN_PART

    def _clear(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(mode=0o700, parents=True)

    def _extract(self, bundle: Bundle, name: str, target: str) -> Path:
        path = self._scratch / target
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            bundle.extract(name, file)
        return path


def _check(name: CheckName, code: CheckCode) -> Check:
    return Check(name=name, passed=code is CheckCode.OK, code=code)
