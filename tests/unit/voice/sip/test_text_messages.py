from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from firmware.phone.call import SipUri
from firmware.phone.news import MessageSent
from firmware.voice.sip.text_messages import MAX_TEXT_LENGTH, TextMessages, can_be_shown, readable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße aus 北京", "Grüße aus 北京"),
        ("one\r\ntwo\nthree", "one\ntwo\nthree"),
        ("one\u2028two\u2029three", "one\ntwo\nthree"),
        ("\x1b[2Jclear\x00\x07", "[2Jclear"),
        ("\u202egnp.exe", "gnp.exe"),
        ("  \n ", ""),
        ("x" * 5000, "x" * MAX_TEXT_LENGTH),
    ],
)
def test_a_text_is_made_fit_to_be_shown(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("Content-Type: text/plain", True),
        ("Content-Type: text/plain;charset=UTF-8", True),
        ('Content-Type: TEXT/PLAIN ; charset="utf8"', True),
        ("c: text/plain", True),
        ("Content-Type: text/plain;charset=us-ascii", True),
        ("Content-Type: text/plain;charset=iso-8859-1", False),
        ("Content-Type: text/plainer", False),
        ("Content-Type: text/html", False),
        ("Subject: text/plain", False),
    ],
)
def test_only_plain_text_that_can_be_read_is_taken(header: str, *, shown: bool) -> None:
    assert can_be_shown(f"MESSAGE sip:a@b SIP/2.0\r\n{header}\r\n\r\nhello") is shown


@pytest.mark.parametrize(("code", "told"), [(200, 200), (486, 486), (699, 699), (700, 0), (999, 0)])
def test_what_is_no_status_in_sip_is_a_failure_without_a_code(code: int, told: int) -> None:
    posted: list[object] = []
    texts = TextMessages(posted.append, lambda _source: True)
    texts.send(Mock(send_text=lambda *_: SimpleNamespace(this=7)), "d" * 32, SipUri("sip:a@b"), "Hi")
    texts.answered(7, code)
    assert posted == [MessageSent("d" * 32, code == 200, told)]
