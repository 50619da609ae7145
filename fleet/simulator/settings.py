"""What a simulated fleet is and what happens in it."""

from dataclasses import dataclass
from pathlib import Path

from fleet.simulator.trouble import Trouble

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


@dataclass(frozen=True, slots=True)
class Site:
    """The broker that the fleet is at, and what its handsets show there.

    Attributes:
        fleet: its name in the topics.
        host, port: where the broker listens, for TLS.
        ca: the authority that the broker's certificate is of; None for the system's.
        certificates: the folder with a certificate and a key for each handset, `<device>.pem` and `<device>.key`.
        confirms: only a collector's word completes records and erasure notices; else the broker's does.
        longest_pause_s: between two tries to connect, as `[sync] retry_cap_s`.
        keep_alive_s: as `[sync] keep_alive_s`.
        connects_at_once: handshakes that one process begins at a time.
    """

    fleet: str
    host: str
    port: int
    ca: Path | None
    certificates: Path
    confirms: bool = True
    longest_pause_s: float = 120.0
    keep_alive_s: int = 60
    connects_at_once: int = 50


@dataclass(frozen=True, slots=True)
class Life:
    """What happens to each handset; every rate is of a Poisson process, every duration a mean of an exponential one.

    Attributes:
        calls_per_hour: calls that begin.
        call_s: how long one lasts.
        outages_per_hour: times that its network goes.
        outage_s: for how long.
        changes_per_day: times that its holder changes an answer about a purpose, or asks something of the operator, or
            is answered.
        consent: the share of handsets whose holder agrees to syncing at first.
        wrong_clocks: the share of handsets whose clock is wrong.
        open_requests: the share of handsets with a request that waits, some of them for too long.
        failures: the share of the operator's messages that a handset does not take.
        repeat_after_s: so long it waits for a collector's word before a message leaves once more, twice that the
            next time.
    """

    calls_per_hour: float = 4.0
    call_s: float = 90.0
    outages_per_hour: float = 0.05
    outage_s: float = 60.0
    changes_per_day: float = 1.0
    consent: float = 0.9
    wrong_clocks: float = 0.02
    open_requests: float = 0.03
    failures: float = 0.02
    repeat_after_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a fleet that one process has.

    Attributes:
        devices: the device ids.
        seed: two runs with the same one do the same, as far as time allows.
        epoch: what numbers the messages of this run; none of an earlier run.
        finish_s: for so long what waits may still leave at the end.
        troubles: what is broken.
    """

    site: Site
    life: Life
    devices: tuple[str, ...]
    seed: int
    epoch: int
    finish_s: float
    troubles: tuple[Trouble, ...] = ()
