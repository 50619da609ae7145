"""What a collector counts of itself, for Prometheus; nothing in it names a handset or a holder."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_COMMIT_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Counts:
    """The counters of one process, in a registry of its own that is to be exposed; each says what it counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("received", "Messages that came, by topic.", ("topic",))
        self.inserted = self._counter("records_inserted", "Records of calls that were new.")
        self.duplicates = self._counter("records_duplicate", "Records that were there already.")
        self.withheld = self._counter(
            "records_withheld", "Records that came after they were taken back or grew too old, by why.", ("reason",)
        )
        self.quarantined = self._counter("quarantined", "Messages and records that were not taken.", ("reason",))
        self.erasures = self._counter("erasures", "Erasure notices that are done.")
        self.erased = self._counter("records_erased", "Records that were deleted because of an erasure notice.")
        self.expired = self._counter("records_expired", "Records that were deleted because they had grown old.")
        self.acks = self._counter("acks", "Confirmations that were sent to handsets.")
        self.failures = self._counter("database_failures", "Batches that the database did not take at once.")
        self.commit_s = Histogram(
            "wecall_collector_commit_seconds",
            "How long transactions took.",
            buckets=_COMMIT_BUCKETS_S,
            registry=self.registry,
        )
        self.database_up = self._gauge("database_up", "Whether the database takes what it gets.")
        self.connected = self._gauge("connected", "Whether the broker is there.")
        self.waiting = self._gauge("waiting", "Messages that came and are not done.")
        self.behind_s = self._gauge("behind_seconds", "How long the oldest message that is not done has waited.")

    def look_at(self, waiting: Callable[[], float], behind_s: Callable[[], float]) -> None:
        """Ask these whenever somebody wants to know how far behind the collector is."""
        self.waiting.set_function(waiting)
        self.behind_s.set_function(behind_s)

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"wecall_collector_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"wecall_collector_{name}", text, registry=self.registry)
