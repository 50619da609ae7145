"""What all requests and answers have in common."""

from typing import Annotated

import pytest
from msgspec import Meta
from pydantic import BaseModel

from firmware.control.admin_requests import MyDataExportRequest
from firmware.control.requests import Answer, Request, written


class Told(Answer):
    secret: Annotated[str, Meta(max_length=9)]


@pytest.mark.parametrize("message", [MyDataExportRequest(pin="258013"), Told(secret="258013")])
def test_what_is_in_a_message_is_in_no_traceback(message: Request | Answer) -> None:
    assert repr(message) == f"{type(message).__name__}()"
    assert message.__rich_repr__() == []


def test_what_there_is_no_json_for_is_named() -> None:
    class Model(BaseModel):
        number: int

    class Held(Answer):
        what: object

    assert written(Held(what=Model(number=1))) == {"what": {"number": 1}}
    with pytest.raises(TypeError, match="complex"):
        written(Held(what=1j))
