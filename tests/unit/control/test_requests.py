"""What all requests and answers have in common."""

from typing import Annotated

import pytest
from msgspec import Meta
from pydantic import BaseModel

from firmware.control.admin_requests import MyDataExportRequest
from firmware.control.requests import MAX_PIECE_BYTES, Answer, Document, Piece, Request, written


class Told(Answer):
    secret: Annotated[str, Meta(max_length=9)]


@pytest.mark.parametrize("message", [MyDataExportRequest(pin="258013"), Told(secret="258013")])
def test_what_is_in_a_message_is_in_no_traceback(message: Request | Answer) -> None:
    assert repr(message) == f"{type(message).__name__}()"
    assert message.__rich_repr__() == []


@pytest.mark.parametrize("kind", [Piece, Document])
def test_more_bytes_than_may_be_carried_are_not_even_made(kind: type[Piece | Document]) -> None:
    assert len(kind(bytes(kind.most_bytes))) == kind.most_bytes
    with pytest.raises(ValueError, match=f"at most {kind.most_bytes} bytes"):
        kind(bytes(kind.most_bytes + 1))


@pytest.mark.parametrize("text", ["A", "AAA", "AA+A", "é", "not base64!", 3])
def test_what_is_no_base64_is_told_in_one_way(text: object) -> None:
    with pytest.raises(ValueError, match=r"^Expected base64url$"):
        Piece.read(text)
    assert Piece.read("QUFB") == b"AAA"
    with pytest.raises(ValueError, match=f"at most {MAX_PIECE_BYTES} bytes"):
        Piece.read("QUFB" * (MAX_PIECE_BYTES // 3 + 1))


def test_what_there_is_no_json_for_is_named() -> None:
    class Model(BaseModel):
        number: int

    class Held(Answer):
        what: object

    assert written(Held(what=Model(number=1))) == {"what": {"number": 1}}
    with pytest.raises(TypeError, match="complex"):
        written(Held(what=1j))
