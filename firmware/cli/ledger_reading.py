"""What `wecall ledger` does beside asking: reads the whole ledger, and holds it against a head that somebody kept."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from firmware.control.admin_requests import LedgerShowRequest
from firmware.control.requests import Request

Ask = Callable[[Request], Mapping[str, Any]]

_BATCH: Final = 100
_WITNESS: Final = re.compile(r"(?P<entries>[0-9]{1,15}):(?P<hash>[0-9a-f]{32,64})")


def all_entries(ask: Ask) -> Iterator[Mapping[str, Any]]:
    """Yield every entry of the ledger, oldest first."""
    after = 0
    while entries := ask(LedgerShowRequest(after=after, limit=_BATCH))["entries"]:
        yield from entries
        after += len(entries)


def contradicts(ask: Ask, witness: str) -> str:
    """Say what is wrong with a ledger that did not go on from a head that somebody kept; empty where it did."""
    match = _WITNESS.fullmatch(witness)
    if match is None:
        return "A head is written as the number of entries, a colon and 32 to 64 hexadecimal digits."
    entries = int(match["entries"])
    if entries == 0:
        return ""
    there = ask(LedgerShowRequest(after=entries - 1, limit=1))["entries"]
    if not there:
        return f"The ledger was cut or begun anew: it has no entry {entries}, which somebody has seen."
    if not there[0]["hash"].startswith(match["hash"]):
        return f"The ledger was written anew: its entry {entries} is not the one that somebody has seen."
    return ""
