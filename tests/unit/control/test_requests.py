"""What all requests and answers have in common."""

from typing import Annotated

import pytest
from msgspec import Meta
from pydantic import BaseModel

from contract.downlink import MAX_DOCUMENT_BYTES
from firmware.control.admin_requests import MyDataExportRequest
from firmware.control.requests import Answer, Document, Request, written


class Told(Answer):
    secret: Annotated[str, Meta(max_length=9)]


@pytest.mark.parametrize("message", [MyDataExportRequest(pin="258013"), Told(secret="258013")])
def test_what_is_in_a_message_is_in_no_traceback(message: Request | Answer) -> None:
    assert repr(message) == f"{type(message).__name__}()"
    assert message.__rich_repr__() == []


def test_more_bytes_than_may_be_carried_are_not_even_made() -> None:
    assert len(Document(bytes(MAX_DOCUMENT_BYTES))) == MAX_DOCUMENT_BYTES
    with pytest.raises(ValueError, match=f"at most {MAX_DOCUMENT_BYTES} bytes"):
        Document(bytes(MAX_DOCUMENT_BYTES + 1))


@pytest.mark.parametrize("text", ["A", "AAA", "AA+A", "é", "not base64!", 3])
def test_what_is_no_base64_is_told_in_one_way(text: object) -> None:
    with pytest.raises(ValueError, match=r"^Expected base64url$"):
        Document.read(text)
    assert Document.read("QUFB") == b"AAA"
    with pytest.raises(ValueError, match=f"at most {MAX_DOCUMENT_BYTES} bytes"):
        Document.read("QUFB" * (MAX_DOCUMENT_BYTES // 3 + 1))


def test_what_there_is_no_json_for_is_named() -> None:
    class Model(BaseModel):
        number: int

    class Held(Answer):
        what: object

    assert written(Held(what=Model(number=1))) == {"what": {"number": 1}}
    with pytest.raises(TypeError, match="complex"):
        written(Held(what=1j))
