import pytest

from firmware.sip.text_messages import MAX_TEXT_LENGTH, can_be_shown, readable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße aus 北京", "Grüße aus 北京"),
        ("one\r\ntwo\nthree", "one\ntwo\nthree"),
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
