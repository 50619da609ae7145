"""Which handsets get a message: those that the broker knows, those of a table, or those that are named."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from fleet.errors import FleetError
from fleet.names import is_name
from fleet.publisher.signed_file import SignedFile


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
    if wrong := sorted(name for name in {*named, *(table or {}).values()} if not is_name(name)):
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


def refuse_strangers(named: Collection[str], known: Collection[str], fleet: str) -> None:
    """Make sure that each handset that was named has been there: what goes to a slip of the pen waits for nobody.

    Args:
        named: those that the operator named.
        known: those whose state the broker keeps, or that have had the message before.
        fleet: theirs.

    Raises:
        FleetError: one has not; says which are called alike.
    """
    strangers = sorted(set(named) - set(known))
    if not strangers:
        return
    if not known:
        raise FleetError(
            f"The broker shows no handset of the fleet {fleet}. Check that the access list has a block for this "
            "operator. Where none has ever been online, say --never-online too."
        )
    alike = get_close_matches(strangers[0], known, n=3, cutoff=0.75)
    raise FleetError(
        f"The broker has never seen {strangers[0]}. "
        + (f"Did you mean {' or '.join(alike)}? " if alike else "")
        + "Where it has not been online yet, say --never-online too: it finds the message when it comes."
    )
