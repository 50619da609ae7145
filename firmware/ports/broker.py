"""The broker: how to reach it, how things stand with it, and what it costs."""

from dataclasses import dataclass

from mqtt.problems import BrokerProblem, BrokerState
from mqtt.tls import Server, Traffic

__all__ = ["BrokerProblem", "BrokerSettings", "BrokerState", "DailyTraffic", "Traffic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings(Server):
    """All that the sync process must know to reach the broker.

    Attributes:
        discovery: dashboards are told of the handset; what they were told is taken back where False.
        departing: the holder has gone: the broker is to forget whether the handset is there, and dashboards the
            handset.
    """

    device: str
    fleet: str
    batch_records: int = 50
    retry_base_s: float = 1.0
    retry_cap_s: float = 120.0
    discovery: bool = True
    departing: bool = False


@dataclass(frozen=True, slots=True)
class DailyTraffic:
    """How much the connection to the broker moves a day.

    Attributes:
        today: so far.
        average: of the whole days that are known.
        days: how many these are.
    """

    today: Traffic
    yesterday: Traffic
    average: Traffic
    days: int
