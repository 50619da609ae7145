"""What a copy of a holder's data is made of, out of a store with all its parts."""

from collections.abc import Mapping

from firmware.privacy.catalogue import Catalogue, built_in
from firmware.privacy.receipts import Issuer
from firmware.services.data_copy import Sources
from tests.lab.store import StoreLab


class Catalogues:
    """The firmware's own catalogue alone."""

    async def by_version(self) -> dict[str, Catalogue]:
        return {"": built_in(), built_in().version: built_in()}


def sources_of(lab: StoreLab, account: Mapping[str, str]) -> Sources:
    """Return all of a store's; `account` is what is told of the holder's account."""
    return Sources(
        my_data=lab.my_data,
        contacts=lab.contacts,
        recordings=lab.recordings,
        pictures=lab.pictures,
        consents=lab.consents,
        catalogues=Catalogues(),  # type: ignore[arg-type]
        issuer=Issuer("handset-7"),
        account=account,
        synced=lambda: True,
    )
