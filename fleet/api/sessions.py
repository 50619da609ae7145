"""Logging in, with a user of the broker's or by an OpenID provider, and out."""

import math
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request, status

from fleet.api.attempts import visitor_of
from fleet.api.audit import may_audit
from fleet.api.audit_log import Action, name_of
from fleet.api.models import Challenge, Credentials, Departure, OpenIdReturn, Problem, Session
from fleet.api.open_id import OpenIdProvider, OpenIdRefusedError
from fleet.api.service import At, KnownReader, Offered, Service
from fleet.api.settings import ALL_FLEETS

router: Final = APIRouter(tags=["session"])

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "The broker does not let this user in."},
    403: {"model": Problem, "description": "The collector's settings name no fleet that this user may see."},
    429: {"model": Problem, "description": "Too many attempts failed; Retry-After says when to try again."},
    503: {"model": Problem, "description": "The broker cannot be asked."},
}
_OPEN_ID_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    **_REFUSALS,
    401: {"model": Problem, "description": "The OpenID provider does not vouch for this person."},
    404: {"model": Problem, "description": "There is no OpenID provider."},
    503: {"model": Problem, "description": "The OpenID provider cannot be asked or believed."},
}


@router.post("/session", status_code=status.HTTP_201_CREATED, responses=_REFUSALS)
def log_in(request: Request, service: At, credentials: Credentials) -> Session:
    """Log in with a user of the broker's; the broker itself is asked, and the password is kept nowhere."""
    if service.login is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "This collector cannot ask a broker who somebody is.")
    visitor = _counted(request, service)
    if not service.login(credentials.user, credentials.password.get_secret_value()):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "The broker does not let this user in with this password.")
    service.attempts.give_back(visitor)
    return _open(service, credentials.user)


@router.get("/session/open-id", responses=_OPEN_ID_REFUSALS)
def leave(request: Request, service: At, challenge: Annotated[Challenge, Query()]) -> Departure:
    """Say where a browser logs in by OpenID; it comes back to the page with a code, and the challenge as `state`."""
    provider, visitor = _provider(service), _counted(request, service)
    address = provider.way_there(challenge)
    service.attempts.give_back(visitor)
    return Departure(address=address, page=provider.page)


@router.post("/session/open-id", status_code=status.HTTP_201_CREATED, responses=_OPEN_ID_REFUSALS)
def come_back(request: Request, service: At, came: OpenIdReturn) -> Session:
    """Log in with what the OpenID provider gave to a browser, and the verifier that the browser began with."""
    provider, visitor = _provider(service), _counted(request, service)
    try:
        user = provider.who(came.code.get_secret_value(), came.verifier.get_secret_value())
    except OpenIdRefusedError as error:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, str(error)) from error
    service.attempts.give_back(visitor)
    return _open(service, user)


@router.delete("/session", status_code=status.HTTP_204_NO_CONTENT)
def log_out(service: At, reader: KnownReader, offered: Offered) -> None:
    """End the session whose token this is; a token of the file stays good."""
    if offered is not None:
        service.audit.note(name_of(reader, offered.credentials), Action.LOGGED_OUT)
        service.doors.close_session(offered.credentials)


def _provider(service: Service) -> OpenIdProvider:
    if service.open_id is None:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            "Nobody logs in here by OpenID. Whoever runs the collector sets it up by [http.open_id] of collector.toml.",
        )
    return service.open_id


def _counted(request: Request, service: Service) -> str:
    """Return where somebody comes from, once an attempt of theirs is counted."""
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
    return visitor


def _open(service: Service, user: str) -> Session:
    """Let in somebody who has proved who they are, to the fleets that the settings name."""
    named = service.settings.user_fleets.get(user)
    if not named:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            f'The collector shows {user} no fleet. Name the user with its fleets, or with "*" for all, in '
            "`user_fleets` of collector.toml, and restart the collector.",
        )
    fleets = None if named == ALL_FLEETS else named
    service.audit.note(user, Action.LOGGED_IN, fleets=fleets)
    token, expires_at = service.doors.open_session(user, fleets)
    return Session(
        token=token,
        user=user,
        expires_at=expires_at,
        idle_s=service.settings.idle_minutes * 60,
        fleets=fleets,
        audits=may_audit(service, user),
    )
