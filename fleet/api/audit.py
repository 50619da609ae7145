"""Who looks at what is written down as they ask; what is written down is read by those whom the settings name."""

from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, status

from fleet.api.audit_log import Action, name_of
from fleet.api.listing import CSV_ANSWER, AThousand, Listing, wants_csv
from fleet.api.models import Audited, AuditPage, Export, Problem
from fleet.api.service import At, KnownReader, Offered, Service
from fleet.names import is_name
from fleet.tables import audit

router: Final = APIRouter(tags=["audit"])

_ALL_AT_ONCE: Final = frozenset(
    {"devices/counts", "calls/hourly", "calls/results", "consents/coverage", "requests/counts", "quarantine"}
)
"""Routes whose answers are sums, or of what was thrown away: nobody is in them."""

_PREFIX: Final = "/api/v1/"


def note_look(request: Request, service: At, reader: KnownReader, offered: Offered) -> None:
    """Write down who looks at what about people, or takes it along as a file."""
    what = request.url.path.removeprefix(_PREFIX)
    if offered is None or request.method != "GET" or what in _ALL_AT_ONCE:
        return
    fleet, device = (request.query_params.get(name, "") for name in ("fleet", "device"))
    service.audit.note(
        name_of(reader, offered.credentials),
        Action.EXPORTED if wants_csv(request) else Action.VIEWED,
        what,
        fleets={fleet} if is_name(fleet) else reader.fleets,
        device=device if is_name(device) else "",
    )


def may_audit(service: Service, user: str | None) -> bool:
    """Tell whether somebody may read what all have done."""
    return user is not None and user in service.settings.auditors


_LATEST: Final = Listing(audit, ("at", "id"), Audited, descending=True)


@router.get("/audit", response_model=AuditPage, responses=CSV_ANSWER)
def list_audit(service: At, reader: KnownReader, asked: AThousand) -> Any:
    """What people and programs did, of whichever fleet, the latest first; for the settings' `auditors`."""
    if not may_audit(service, reader.user):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            "This is for auditors. Name the user in `auditors` under [http] of collector.toml, and restart the "
            "collector.",
        )
    return _LATEST.answer(asked, (), "audit")


@router.post(
    "/exports",
    status_code=status.HTTP_204_NO_CONTENT,
    responses={400: {"model": Problem, "description": "The body is no text of JSON."}},
)
def note_export(service: At, reader: KnownReader, offered: Offered, export: Export) -> None:
    """Say that a page has made a file of what it showed: browsers make those by themselves."""
    if offered is not None:
        fleets = reader.fleets if export.fleet is None else {export.fleet}
        service.audit.note(name_of(reader, offered.credentials), Action.EXPORTED, export.what, fleets=fleets)
