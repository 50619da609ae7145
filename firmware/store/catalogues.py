"""The catalogue of purposes that is in force, and those before it, which old receipts are written with."""

from collections.abc import Mapping
from typing import Final

from contract.consent import Actor, Channel, Purpose
from contract.results import OutcomeCode
from firmware.privacy.catalogue import Catalogue, CatalogueError, built_in, merge, read_catalogue
from firmware.privacy.consent import LedgerAction
from firmware.store.consents import Consents
from firmware.store.database import Database
from firmware.store.documents import DocumentRegister
from firmware.store.errors import LedgerDamagedError
from firmware.store.store import Store
from provisioning.signed import DocumentRefusedError
from provisioning.trust import Kind

_DAMAGED: Final = "The consent ledger does not verify, so no other catalogue of purposes can take effect."


class StoredCatalogues:
    """The firmware's own catalogue, and those of the operator that were put in its place."""

    def __init__(self, store: Store, consents: Consents, register: DocumentRegister) -> None:
        self._store = store
        self._consents = consents
        self._register = register

    async def current(self) -> Catalogue:
        """Return the catalogue in force."""
        return await self._store.run(_current)

    async def by_version(self) -> Mapping[str, Catalogue]:
        """Return every catalogue that was in force, by its version; the firmware's own by an empty one too."""

        def read(database: Database) -> Mapping[str, Catalogue]:
            rows = database.query("SELECT version, said FROM catalogues")
            own = {"": built_in(), built_in().version: built_in()}
            return own | {version: Catalogue.model_validate_json(said) for version, said in rows}

        return await self._store.run(read)

    async def admit(self, document: bytes, channel: Channel) -> frozenset[Purpose]:
        """Put a signed catalogue in the place of the one in force.

        Args:
            document: the catalogue as it was signed.
            channel: how it came, as the ledger is to say.

        Returns:
            The purposes of which it says something new: they are a no until they are asked anew.

        Raises:
            DocumentRefusedError: it is not taken; says why.
            LedgerDamagedError: no answer can lapse, so nothing changes.
        """
        statement = self._register.verify(document, Kind.CATALOGUE)
        try:
            newer = read_catalogue(statement.content)
        except CatalogueError as error:
            raise DocumentRefusedError(OutcomeCode.UNREADABLE, str(error)) from error

        def write(database: Database) -> frozenset[Purpose] | None:
            if not self._register.admit(database, Kind.CATALOGUE, document, statement):
                return None
            return self._adopt(database, newer, channel)

        changed = await self._store.transact(write)
        if changed is None:
            return frozenset()
        await self._consents.tell()
        return changed

    def _adopt(self, database: Database, newer: Catalogue, channel: Channel) -> frozenset[Purpose]:
        current = _current(database)
        namesakes = database.query("SELECT 1 FROM catalogues WHERE version = ?", newer.version)
        if namesakes or newer.version == built_in().version:
            raise DocumentRefusedError(
                OutcomeCode.OLD, f"There was a catalogue {newer.version} before. Give this one another name."
            )
        catalogue, changed = merge(current, newer)
        told = self._consents.append_within(
            database, LedgerAction.CATALOGUE_IN_FORCE, catalogue.version, Actor.POLICY, channel
        )
        if not told:
            raise LedgerDamagedError(_DAMAGED)
        self._consents.lapse_within(database, changed, channel)
        database.execute(
            "INSERT INTO catalogues (version, said) VALUES (?, ?)", catalogue.version, catalogue.model_dump_json()
        )
        return changed


def _current(database: Database) -> Catalogue:
    rows = database.query("SELECT said FROM catalogues ORDER BY position DESC LIMIT 1")
    return Catalogue.model_validate_json(rows[0][0]) if rows else built_in()
