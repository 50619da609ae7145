"""What is answered where a request cannot be: always in the same two forms."""

from typing import Any, Final

from fastapi import FastAPI, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from fleet.api.models import Mistake, Mistakes, Problem
from fleet.errors import FleetError

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "No token, or none that is good."},
    403: {"model": Problem, "description": "The token is not for that fleet, or for none."},
    422: {"model": Mistakes, "description": "The request has mistakes."},
    503: {"model": Problem, "description": "The database does not answer, or not in time."},
}
"""What every route that needs a token can answer instead."""


class RequestMistakeError(RequestValidationError):
    """A request has a mistake that only its route can see."""

    def __init__(self, where: str, why: str) -> None:
        """Set up.

        Args:
            where: `query.` and the parameter's name.
            why: a sentence without what was sent.
        """
        super().__init__([{"loc": (where,), "msg": why}])
        self._text = f"{where}: {why}"

    def __str__(self) -> str:
        return self._text


def answer_errors(app: FastAPI) -> None:
    """Have an app answer mistakes, and whatever it needs that is away, in these forms."""
    app.add_exception_handler(RequestValidationError, _tell_mistakes)
    app.add_exception_handler(DBAPIError, _tell_of_the_database)
    app.add_exception_handler(PoolTimeoutError, _tell_of_the_database)
    app.add_exception_handler(FleetError, _tell_what_failed)


def _tell_mistakes(_request: Request, error: Exception) -> JSONResponse:
    # Where and why, and never what was sent: that may be a password.
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    mistakes = tuple(Mistake(where=".".join(map(str, one["loc"])), why=one["msg"]) for one in found)
    document = Mistakes(detail="The request has mistakes.", mistakes=mistakes)
    return JSONResponse(document.model_dump(mode="json"), status.HTTP_422_UNPROCESSABLE_CONTENT)


def _tell_of_the_database(_request: Request, _error: Exception) -> JSONResponse:
    document = Problem(detail="The database does not answer now, or not in time. Ask again in a while, or for less.")
    return JSONResponse(document.model_dump(), status.HTTP_503_SERVICE_UNAVAILABLE, {"Retry-After": "10"})


def _tell_what_failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse(Problem(detail=str(error)).model_dump(), status.HTTP_503_SERVICE_UNAVAILABLE)
