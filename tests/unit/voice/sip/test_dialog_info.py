"""What another phone's calls are said to be: the forms that servers send, and those that nobody may get in by."""

import pytest

from firmware.phone.news import Watched
from firmware.voice.sip.dialog_info import overall, read_dialog_info

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
OPENING = (
    '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="3" state="full" entity="sip:202@pbx.example">'
)


def document(*dialogs: str, state: str = "full") -> str:
    return HEAD + OPENING.replace('"full"', f'"{state}"') + "".join(dialogs) + "</dialog-info>\n"


def dialog(state: str, *, identifier: str = "202", more: str = "", within: str = "") -> str:
    return f'\n <dialog id="{identifier}"{more}>{within}\n  <state>{state}</state>\n </dialog>\n'


INCOMING, OUTGOING = ' direction="recipient"', " direction='initiator'"
PARTIES = (
    '<remote><identity display="Eve &lt;&quot;">sip:eve@pbx.example</identity><target uri="sip:eve@pbx.example"/>'
    "</remote><local><identity>sip:202@pbx.example</identity></local>"
)

# With a prefix, on one line, and with what is known nowhere.
OTHERS = (
    '<di:dialog-info version="0" state="full" entity="sip:202@x" xmlns:di="urn:ietf:params:xml:ns:dialog-info">'
    '<di:dialog id="7" call-id="c"><di:state event="remote-bye" code="200">confirmed</di:state>'
    "<x:note>on &amp; on</x:note></di:dialog></di:dialog-info>"
)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (document(dialog("terminated")), Watched.FREE),
        (document(), Watched.FREE),
        (document(dialog("early", more=INCOMING, within=PARTIES)), Watched.RINGING),
        (document(dialog("early")), Watched.RINGING),
        (document(dialog("early", more=OUTGOING)), Watched.BUSY),
        (document(dialog("trying", more=OUTGOING)), Watched.BUSY),
        (document(dialog("confirmed", more=INCOMING)), Watched.BUSY),
        (document(dialog("confirmed", identifier="a"), dialog("early", identifier="b")), Watched.RINGING),
        (document(dialog("confirmed", identifier="a"), dialog("terminated", identifier="b")), Watched.BUSY),
        (OTHERS, Watched.BUSY),
    ],
)
def test_what_servers_send_says_how_a_phone_stands(text: str, state: Watched) -> None:
    information = read_dialog_info(text)
    assert information is not None
    assert overall(information.dialogs.values()) is state


def test_a_part_of_it_is_told_from_all_of_it() -> None:
    information = read_dialog_info(document(dialog("early", identifier="b"), state="partial"))
    assert information is not None
    assert (information.is_full, information.dialogs) == (False, {"b": Watched.RINGING})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "<dialog-info/>",
        document(state="whole"),
        document(dialog("asleep")),
        document(dialog("early")).removesuffix("</dialog-info>\n"),
        document(dialog("early")).replace("</state>", "</stat>"),
        document(dialog("early")).replace('id="202"', "id=202"),
        document(dialog("early")) + "<dialog-info/>",
        document(dialog("early")) + "more",
        "more" + document(dialog("early")),
        document(dialog("early")).replace(HEAD, HEAD + '<!DOCTYPE dialog-info SYSTEM "http://127.0.0.1/x">'),
        HEAD + '<!DOCTYPE d [<!ENTITY a "early">]>' + document(dialog("&a;")).removeprefix(HEAD),
        document(dialog("&#101;arly")),
        document(dialog("<![CDATA[early]]>")),
        document("<!-- early -->", dialog("early")),
        document("<?php early ?>", dialog("early")),
        document(*["<a>" * 20, "</a>" * 20]),
        document(*(dialog("early", identifier=str(number)) for number in range(17))),
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" state="full"/>',
        "<dialog-info state='full' " + " " * 15_000 + "<",
        "<" * 16_000,
    ],
    ids=lambda text: text[-40:],
)
def test_what_is_no_such_document_says_nothing(text: str) -> None:
    assert read_dialog_info(text) is None
