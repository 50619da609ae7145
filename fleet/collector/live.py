"""What of a collector's messages is shown to whoever follows what is live: what the collector itself would take."""

from collections.abc import Callable
from datetime import UTC, datetime

from fleet.api.feed import Feed
from fleet.collector.reading import Reader


class LiveView:
    """Shows messages as they come, in the broker's order, before and whether or not they are stored."""

    def __init__(self, feed: Feed, reader: Reader, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Set up.

        Args:
            feed: where it is shown.
            reader: says what would be taken.
            now: the time of day.
        """
        self._feed = feed
        self._reader = reader
        self._now = now

    def note_connected(self, *, is_connected: bool) -> None:
        """Say whether the broker is there."""
        self._feed.is_connected = is_connected

    def show(self, topic: str, payload: bytes, *, is_kept: bool) -> None:
        """Show a message, unless it is none that would be taken, or passes while nobody looks.

        Args:
            topic: where it was published.
            payload: what it holds.
            is_kept: it holds until the next one of its topic.
        """
        if not is_kept and not self._feed.is_followed:
            return
        reading = self._reader.read(topic, payload, self._now())
        if reading.contents is not None:
            self._feed.take(reading.sender.fleet, topic, payload, is_kept=is_kept)
