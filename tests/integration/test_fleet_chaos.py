"""A fleet in a storm: whatever is killed, cut off, lost, doubled or reordered, each record is kept once, or is gone.

    WECALL_CHAOS_MINUTES=240 make test ARGS='-n0 --log-cli-level INFO tests/integration/test_fleet_chaos.py'

Handsets, broker, collectors and database are the real ones. What the handsets were made to do is written down outside
of them, and the database is held against that, all the while and at the end.
"""

import logging
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.lab import chance
from tests.lab.fleet_database import FleetDatabase, PostgresServer, SqliteFile
from tests.lab.fleet_site import FleetSite
from tests.lab.fleet_storm import Blow, Step, schedule
from tests.lab.postgres import Postgres

_log = logging.getLogger(__name__)

_MINUTES: Final = float(os.environ.get("WECALL_CHAOS_MINUTES", "45" if chance.SOAK else "0.08"))
"""How long the storm lasts, for each database."""
_HANDSETS: Final = chance.counted(8, 5)
_PAUSE_S: Final = 0.15
_BLOW_EVERY_S: Final = 0.7
# Only a fleet that never comes to rest at all takes so long.
_PATIENCE_S: Final = 300.0


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[FleetDatabase]:
    if kind == "sqlite":
        yield SqliteFile(folder)
        return
    with Postgres() as server:
        yield PostgresServer(server)


def _what_happened(site: FleetSite, steps: Sequence[Step], kind: str) -> str:
    """Say how it went, and how it can be had again."""
    counts = ", ".join(f"{name}: {number}" for name, number in sorted((site.counts + site.proxy.counts).items()))
    storm = "\n".join(map(str, steps))
    return (
        f"{kind}, seed {chance.SEED}, {_MINUTES:g} minute(s). {counts}\n"
        f"Again: WECALL_SEED={chance.SEED} WECALL_CHAOS_MINUTES={_MINUTES:g} "
        f"make test ARGS='-n0 -k {kind} tests/integration/test_fleet_chaos.py'\n{storm}"
    )


@pytest.mark.feature("fleet in trouble")
@pytest.mark.soak
@pytest.mark.timeout(_MINUTES * 60 + 2 * _PATIENCE_S)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_chaos(kind: str, tmp_path: Path) -> None:
    steps = schedule(random.Random(chance.SEED), _MINUTES * 60, _BLOW_EVERY_S)
    with _database(kind, tmp_path) as database:
        async with FleetSite(tmp_path, database, chance.SEED, handsets=_HANDSETS, pause_s=_PAUSE_S) as site:
            try:
                await site.endure(steps)
                await site.make_peace(_PATIENCE_S)
                complaints = await site.judge()
            except BaseException as error:
                error.add_note(_what_happened(site, steps, kind))
                raise
            told = _what_happened(site, steps, kind)
            _log.info("%s", told.partition("\n")[0])
            assert not complaints, "\n".join([*complaints[:50], told])
            _see_that_there_was_a_storm(site, told)


def _see_that_there_was_a_storm(site: FleetSite, told: str) -> None:
    """A calm proves nothing."""
    assert all(site.counts[blow] for blow in Blow), told
    for fate in ("doubled", "delayed", "swapped"):
        assert site.proxy.counts[f"PUBLISH {fate}"] + site.proxy.counts[f"PUBACK {fate}"], told
    assert site.counts["sweeps"], told
    assert site.counts["records at the end"], told
    assert site.counts["records confirmed to be there"], told
    assert site.counts["records confirmed to be erased"], told
    assert site.handsets[-1].history.is_gone, told
