"""What Prometheus reads: `/metrics`."""

from typing import Final

from fastapi import APIRouter, HTTPException, status
from fastapi.responses import Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from fleet.api.service import At, KnownReader

router: Final = APIRouter(tags=["metrics"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(service: At, reader: KnownReader) -> Response:
    """Counters and gauges as Prometheus reads them; for tokens that see every fleet."""
    if reader.fleets is not None:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "The figures are of all fleets, and this token is for some.")
    return Response(b"".join(map(generate_latest, service.registries)), media_type=CONTENT_TYPE_LATEST)
