"""What is live, as server-sent events (WHATWG HTML, section 9.2): one answer that goes on while somebody looks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, HTTPException, status
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from fleet.api.feed import MAX_FOLLOWERS, Feed, Fleets
from fleet.api.models import Problem
from fleet.api.service import AskedScope, At, Offered

router: Final = APIRouter(tags=["live"])

LOOK_S: Final = 0.1
"""How long what came waits at most until it is sent, many together."""

ALIVE_S: Final = 15.0
"""After so long without an event a comment says that the connection stands."""

_CHUNK_BYTES: Final = 64 * 1024
_CHUNK_EVENTS: Final = 200

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events without a name have `data`: JSON with `topic`, `payload` (text, as its sender wrote it) "
        "and `retained`. `anew` begins a picture of all that holds now, and `whole` ends it; `broker` says whether the "
        "collector hears the broker, `on` or `lost`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    503: {"model": Problem, "description": "Nothing live can be had here, or too many have it already."},
}


@router.get("/live", response_class=StreamingResponse, responses=_ANSWERS)
def follow_live(
    service: At,
    scope: AskedScope,
    offered: Offered,
    last_event_id: Annotated[
        str | None, Header(max_length=40, description="The last `id` that came: goes on behind it where that can be.")
    ] = None,
) -> StreamingResponse:
    """What handsets say, as they say it; a picture of how things stand comes first."""
    feed = service.feed
    if feed is None or offered is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "Beside this server nobody listens to a broker.")
    if not feed.enter():
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE,
            f"As many as can be follow what is live here: {MAX_FOLLOWERS}. Close a page, or ask another collector.",
            headers={"Retry-After": "10"},
        )
    token = offered.credentials
    return _Stream(feed, _events(feed, last_event_id, scope.fleets, lambda: service.doors.is_good(token)))


class _Stream(StreamingResponse):
    """Leaves the feed when the answer is over, whether or not it has begun."""

    def __init__(self, feed: Feed, events: AsyncIterator[bytes]) -> None:
        # nginx would gather them otherwise.
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._feed = feed

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._feed.leave()


async def _events(
    feed: Feed, last_id: str | None, fleets: Fleets, may_go_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Tell what comes until the feed is closed or the session ends; whoever reads slowly holds a chunk and no more."""
    loop = asyncio.get_running_loop()
    told: bool | None = None
    place = None if last_id is None else feed.place_of(last_id)
    spoke_at_s = loop.time()
    while not feed.is_closed and may_go_on():
        # While the picture is sent, place by place, more can come than is kept: it begins anew then.
        some = None if place is None else feed.after(place, fleets, _CHUNK_BYTES)
        if some is None:
            frames, place = feed.picture(fleets)
            for chunk in _picture(frames, feed.id_of(place)):
                yield chunk
        else:
            frames, place = some
            if frames:
                yield _chunk(frames, feed.id_of(place))
        if told is not feed.is_connected:
            told = feed.is_connected
            yield b"event: broker\ndata: %b\n\n" % (b"on" if told else b"lost")
        if frames:
            spoke_at_s = loop.time()
        elif loop.time() - spoke_at_s >= ALIVE_S:
            yield b":\n\n"
            spoke_at_s = loop.time()
        if not frames:
            await asyncio.sleep(LOOK_S)


def _picture(frames: list[bytes], name: str) -> Iterator[bytes]:
    yield b"event: anew\ndata: \n\n"
    for start in range(0, len(frames), _CHUNK_EVENTS):
        yield b"".join(b"data: %b\n\n" % data for data in frames[start : start + _CHUNK_EVENTS])
    yield b"event: whole\nid: %b\ndata: \n\n" % name.encode()


def _chunk(frames: list[bytes], name: str) -> bytes:
    """Write events together; the last names the place: whoever is cut off before it gets some of them twice."""
    *before, last = frames
    return b"".join(b"data: %b\n\n" % data for data in before) + b"id: %b\ndata: %b\n\n" % (name.encode(), last)
