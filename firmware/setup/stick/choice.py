"""Which of the bundles on a stick is for this handset."""

import logging
import os
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from contract.results import OutcomeCode
from firmware.base.errors import StickError
from firmware.setup.stick.folder import ENDING, StickFolder
from provisioning.bundle import MAX_BUNDLE_BYTES, open_bundle
from provisioning.errors import BundleRefusedError

_log = logging.getLogger(__name__)

MOST_READ_BYTES: Final = 2 * MAX_BUNDLE_BYTES
"""So much of all bundles together is read: a slow stick gives that in half a minute."""

MOST_READ: Final = 1000
"""So many are read, the likeliest first: a stick may have one for each handset of a site."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to offer to the handset.

    Attributes:
        name: of the file; empty where nothing is for this handset.
        number: the bundle's; 0 where there is none.
        refusal: why nothing is for it.
    """

    name: str = ""
    number: int = 0
    refusal: OutcomeCode | None = None


class _Named(IntEnum):
    """For whom a bundle is by its name: in this order they are read."""

    OURS = 0
    NOBODYS = 1
    ANOTHERS = 2


_A_SERIAL: Final = re.compile(r"[0-9a-f]{16}")
"""What a Raspberry Pi has, and whatever handset was given none; `wecall bundle mass` calls each bundle so."""


def choose(folder: StickFolder, names: tuple[str, ...], serial: str) -> Choice:
    """Return the bundle for this handset that has the highest number.

    Those that are called as another handset's own are read only where there is no other one: on the stick of a whole
    site they are many, and large where they bring firmware.

    What is found out here decides about nothing else: a stick may read differently each time, and trust is the
    handset's to have. It verifies again what it was given.
    """
    best = Choice()
    of_named: list[OutcomeCode] = []
    of_others: list[OutcomeCode] = []
    left_bytes = MOST_READ_BYTES
    # Where there is too much to read, those are left out that are least likely ours.
    for named, name in sorted((_named(name, serial), name) for name in names)[:MOST_READ]:
        if best.name and named is _Named.ANOTHERS:
            break
        refusals = of_named if named is _Named.OURS else of_others
        try:
            with folder.open(name) as file:
                left_bytes -= min(file.seek(0, os.SEEK_END), MAX_BUNDLE_BYTES)
                if left_bytes < 0:
                    _log.warning("There is more on the stick than is read of it")
                    break
                manifest = open_bundle(file, None).manifest
            manifest.check_scope(serial, None)
        except BundleRefusedError as error:
            refusals.append(error.refusal)
        except (StickError, OSError):
            refusals.append(OutcomeCode.UNREADABLE)
        else:
            if manifest.number > best.number:
                best = Choice(name, manifest.number)
    return best if best.name else Choice(refusal=_reason(of_named, of_others))


def _named(name: str, serial: str) -> _Named:
    name = name.casefold()
    if serial in name:
        return _Named.OURS
    is_a_serial = _A_SERIAL.fullmatch(name.removesuffix(ENDING)) and _A_SERIAL.fullmatch(serial)
    return _Named.ANOTHERS if is_a_serial else _Named.NOBODYS


def _reason(of_named: list[OutcomeCode], of_others: list[OutcomeCode]) -> OutcomeCode:
    """Return what helps most: what is wrong with the bundle that was meant for this handset, else that none was."""
    if of_named:
        return of_named[0]
    if OutcomeCode.WRONG_SERIAL in of_others:
        return OutcomeCode.WRONG_SERIAL
    return of_others[0] if of_others else OutcomeCode.UNREADABLE
