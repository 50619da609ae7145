"""What somebody's presence is said to be: the forms that servers send, and those that nobody may get in by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.news import Watched
from firmware.voice.sip.presence import read_presence

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
ACTIVITIES = "<pp:person><status>\n<ep:activities><ep:{}/></ep:activities></status></pp:person>"


def document(*, basic: str = "open", activity: str = "") -> str:
    said = ACTIVITIES.format(activity) if activity else ""
    return (
        f'{HEAD}<presence entity="sip:201@pbx.example" xmlns="urn:ietf:params:xml:ns:pidf"'
        f' xmlns:pp="urn:ietf:params:xml:ns:pidf:person"><note>On the phone</note>{said}<tuple id="302">'
        f'<contact priority="1">sip:302@x</contact><status>\n<basic>{basic}</basic></status></tuple></presence>\n'
    )


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (document(), Watched.FREE),
        (document(basic="closed"), Watched.OFF),
        (document(activity="on-the-phone"), Watched.BUSY),
        (document(activity="busy"), Watched.BUSY),
        (document(basic="closed", activity="busy"), Watched.BUSY),
        (document(basic="closed", activity="away"), Watched.OFF),
        ("<p:presence entity='sip:a@b'/>", Watched.UNKNOWN),
    ],
)
def test_what_servers_send_says_how_somebody_stands(text: str, state: Watched) -> None:
    assert read_presence(text) is state


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        document(basic="perhaps"),
        document(basic="&#111;pen"),
        document(basic="<![CDATA[open]]>"),
        document().removesuffix("</presence>\n"),
        document().replace("</basic>", "</base>"),
        document() + "<presence/>",
        document().replace(HEAD, HEAD + '<!DOCTYPE presence SYSTEM "http://127.0.0.1/x">'),
        document().replace("<note>", "<!-- note --><note>"),
        '<dialog-info state="full"/>',
        "<presence>" + "<tuple>" * 200,
        "<" * 16_000,
    ],
    ids=lambda text: text[-40:],
)
def test_what_is_no_such_document_says_nothing(text: str) -> None:
    assert read_presence(text) is None


@given(st.binary(max_size=500))
def test_any_bytes_are_read_without_a_fault(content: bytes) -> None:
    assert read_presence(content.decode("latin-1")) is None or b"presence" in content
