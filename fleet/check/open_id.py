"""Whether people can log in by the OpenID provider."""

from collections.abc import Iterator
from typing import Final

from fleet.api.settings import HttpSettings
from fleet.check.report import Row, State
from fleet.errors import FleetError

_OPEN_ID: Final = "OpenID provider"


def check_open_id(http: HttpSettings | None) -> Iterator[Row]:
    """Have it describe itself, and show the keys that it signs with, where there is one; nobody logs in."""
    if http is None or http.open_id is None:
        return
    # What a check without a provider does not need takes a while to load.
    from fleet.api.open_id import OpenIdProvider  # noqa: PLC0415

    try:
        OpenIdProvider(http.open_id).try_out()
    except FleetError as error:
        yield Row(_OPEN_ID, State.BAD, str(error))
        return
    yield Row(_OPEN_ID, State.GOOD, f"It answers, and sends people back to {http.open_id.address}.")
