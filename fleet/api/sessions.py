"""Logging in with a user of the broker's, and out."""

import math
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request, status

from fleet.api.attempts import visitor_of
from fleet.api.audit import may_audit
from fleet.api.audit_log import Action, name_of
from fleet.api.models import Credentials, Problem, Session
from fleet.api.service import At, KnownReader, Offered
from fleet.api.settings import ALL_FLEETS
from fleet.errors import FleetError

router: Final = APIRouter(tags=["session"])

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "The broker does not let this user in."},
    403: {"model": Problem, "description": "The collector's settings name no fleet that this user may see."},
    429: {"model": Problem, "description": "Too many attempts failed; Retry-After says when to try again."},
    503: {"model": Problem, "description": "The broker cannot be asked."},
}


@router.post("/session", status_code=status.HTTP_201_CREATED, responses=_REFUSALS)
def log_in(request: Request, service: At, credentials: Credentials) -> Session:
    """Log in with a user of the broker's; the broker itself is asked, and the password is kept nowhere."""
    if service.login is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "This collector cannot ask a broker who somebody is.")
    visitor = visitor_of(
        request.client.host if request.client is not None else "",
        request.headers.getlist("X-Forwarded-For"),
        service.settings.behind_proxy,
    )
    if wait := math.ceil(service.attempts.take(visitor)):
        raise HTTPException(
            status.HTTP_429_TOO_MANY_REQUESTS,
            f"Logging in failed too often from your address, or from all together. Try again in {wait} s.",
            headers={"Retry-After": str(wait)},
        )
    try:
        let_in = service.login(credentials.user, credentials.password.get_secret_value())
    except FleetError as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)) from error
    if not let_in:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "The broker does not let this user in with this password.")
    service.attempts.give_back(visitor)
    named = service.settings.user_fleets.get(credentials.user)
    if not named:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            f'The collector shows {credentials.user} no fleet. Name the user with its fleets, or with "*" for all, in '
            "`user_fleets` of collector.toml, and restart the collector.",
        )
    fleets = None if named == ALL_FLEETS else named
    service.audit.note(credentials.user, Action.LOGGED_IN, fleets=fleets)
    token, expires_at = service.doors.open_session(credentials.user, fleets)
    return Session(
        token=token,
        user=credentials.user,
        expires_at=expires_at,
        idle_s=service.settings.idle_minutes * 60,
        fleets=fleets,
        audits=may_audit(service, credentials.user),
    )


@router.delete("/session", status_code=status.HTTP_204_NO_CONTENT)
def log_out(service: At, reader: KnownReader, offered: Offered) -> None:
    """End the session whose token this is; a token of the file stays good."""
    if offered is not None:
        service.audit.note(name_of(reader, offered.credentials), Action.LOGGED_OUT)
        service.doors.close_session(offered.credentials)
