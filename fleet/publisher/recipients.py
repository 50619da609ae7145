"""Which handsets get a message: those that the broker knows, those of a table, or those that are named."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from fleet.errors import FleetError
from fleet.publisher.signed_file import SignedFile

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


def chosen(
    signed: SignedFile, named: Sequence[str], table: Mapping[str, str] | None, known: Collection[str]
) -> tuple[str, ...]:
    """Return the handsets that a message is to reach.

    Args:
        signed: the message, which may be for some of them only.
        named: those that the operator named; all where there are none.
        table: the device id of each serial, where the operator gave a table.
        known: those that the broker knows; looked at where nobody was named.

    Raises:
        FleetError: there are none, or the message is not for one that was named.
    """
    if wrong := sorted(name for name in {*named, *(table or {}).values()} if not _NAME.fullmatch(name)):
        raise FleetError(
            f"No handset can be called {wrong[0]!r}: a device id has 1 to 64 lower-case letters, digits and hyphens."
        )
    devices = set(named) or set(table.values() if table is not None else known)
    if signed.serials is not None:
        if table is None:
            raise FleetError(
                f"This bundle is for {len(signed.serials)} handsets by their serials. Say with --devices which device "
                "ids these have: the table of `wecall bundle mass` does."
            )
        devices &= {table[serial] for serial in signed.serials if serial in table}
    if named:
        signed.refuse_others(named)
    elif signed.devices is not None:
        # One that is not there yet finds its message when it comes.
        devices = set(signed.devices) & devices if table is not None else set(signed.devices)
    if not devices:
        raise FleetError(
            f"There is no handset of the fleet {signed.fleet} that this {signed.kind} could go to. The broker knows "
            "those that have been online; others are named with --device or --devices."
        )
    return tuple(sorted(devices))
