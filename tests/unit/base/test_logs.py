"""Log lines hold no personal data, whichever way it came in."""

import io
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from systemd.journal import JournalHandler

from firmware.base import logs

NUMBER = "+86 138-0013-8000"


class SipCode(IntEnum):
    BUSY_HERE = 486


class Sent:
    """What a handler would have given to the journal: every field of every record."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, MESSAGE: str, **fields: object) -> None:  # noqa: N803 (the field's name in the journal)
        # Times, thread and process are the record's own: their digits may be those of any number.
        self.text += "".join(
            f"{name}={value}\n"
            for name, value in {"MESSAGE": MESSAGE, **fields}.items()
            if not isinstance(value, float) and name not in {"thread", "process"}
        )


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def log(sent: Sent) -> Iterator[logging.Logger]:
    logger = logging.getLogger("test_logs")
    logger.propagate = False
    handler = JournalHandler(sender_function=sent)
    handler.addFilter(logs.Redaction())
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def message_of(*args: object, level: int = logging.INFO) -> str:
    record = logging.LogRecord("test", level, __file__, 1, args[0], args[1:], None)
    logs.Redaction().filter(record)
    return record.getMessage()


def test_numbers_and_addresses_in_text_are_replaced(subtests: pytest.Subtests) -> None:
    for text, expected in (
        ("Calling 13800138000 now.", "Calling [number] now."),
        ("Calling +86 (138) 0013-8000.", "Calling [number]."),
        ("Calling 110.", "Calling [number]."),
        ("Dialled 5 5 5 1 2 3", "Dialled [number]"),
        ("١٢٣٤٥٦ rang", "[number] rang"),
        ("\uff11\uff13\uff18\uff10\uff10 rang", "[number] rang"),
        ("to sip:zhang@example.com;transport=tls failed", "to [uri] failed"),
        ('From: "Zhang San" <sips:zhang@example.com>;tag=x', "From: [uri];tag=x"),
        ("tel:+86-138-0013-8000 is busy", "[uri] is busy"),
        ("SIP:Zhang@EXAMPLE.COM", "[uri]"),
        ("for zhang.san@example.com only", "for [address] only"),
        ("line 12, try 3 of 10", "line 12, try 3 of 10"),
    ):
        with subtests.test(text=text, expected=expected):
            assert logs.redact(text) == expected
            assert message_of(text) == expected
            assert message_of("%s", text) == expected


def test_measurements_stay_readable() -> None:
    assert message_of("Port %d answered %d after %.1f ms.", 5061, SipCode.BUSY_HERE, 1234.5) == (
        "Port 5061 answered 486 after 1234.5 ms."
    )
    assert message_of("%(count)d of %(all)5d%%", {"count": 12, "all": 345}) == "12 of   345%"
    assert message_of("%-12s|%100.2f", "ok", 1.0).startswith("ok          |")


def test_a_number_that_was_turned_into_an_int_keeps_only_its_magnitude() -> None:
    assert message_of("%d %s", 13800138000, 123456.7) == "14000000000 120000.0"


def test_a_message_whose_arguments_do_not_fit_is_still_logged_and_still_redacted() -> None:
    assert message_of("Calling %s for %d s.", NUMBER, NUMBER) == (
        "Calling  for  s. (the arguments do not fit the message)"
    )


def test_exceptions_keep_their_frames_and_lose_what_they_say(log: logging.Logger, sent: Sent) -> None:
    def fail() -> None:
        error = ValueError(f"no route to {NUMBER}")
        error.add_note("asked by zhang@example.com")
        raise ExceptionGroup("calls failed", [error, KeyError(NUMBER)]) from error

    try:
        fail()
    except ExceptionGroup:
        log.exception("Could not call %s", NUMBER)
    assert "8000" not in sent.text
    assert "zhang" not in sent.text
    assert "in fail" in sent.text
    assert "ValueError: no route to [number]" in sent.text
    assert "KeyError: '[number]'" in sent.text
    assert "direct cause" in sent.text


def test_extra_fields_do_not_reach_the_journal(log: logging.Logger, sent: Sent) -> None:
    log.warning("Missed a call.", extra={"CALLER": NUMBER, "MESSAGE_ID": NUMBER})
    assert "MESSAGE=Missed a call." in sent.text
    assert "8000" not in sent.text


# Three digits and up, grouped as people group them.
numbers = st.lists(st.text("0123456789", min_size=1, max_size=5), min_size=1, max_size=6).filter(
    lambda groups: sum(map(len, groups)) >= 3
)
separators = st.sampled_from(["", " ", "-", ".", " (", ") ", "/", " - ", "\u2011", "\u00a0"])
# What surrounds the number holds no digits, nor anything that repr() writes with some: each digit is the number's.
surroundings = st.text(st.characters(categories=("L", "P", "Sm", "Sc"), include_characters=" "), max_size=20)


@given(numbers, separators, surroundings, surroundings, st.sampled_from(["message", "argument", "repr", "exception"]))
def test_no_planted_number_survives(groups: list[str], separator: str, before: str, after: str, place: str) -> None:
    planted = f"{before}{separator.join(groups)}{after}"
    record = logging.LogRecord("test", logging.ERROR, "", 0, "Failed.", (), None)
    if place == "message":
        record.msg = planted
    elif place == "argument":
        record.msg, record.args = "For %s.", (planted,)
    elif place == "repr":
        record.msg, record.args = "For %r.", ([planted],)
    else:
        record.exc_info = (ValueError, ValueError(planted), None)
    logs.Redaction().filter(record)
    seen = "".join(
        f"{value}" for name, value in record.__dict__.items() if name in {"msg", "args", "exc_text", "exc_info"}
    )
    kept = [character for character in seen if character in "0123456789"]
    assert len(kept) < 3, seen


@given(surroundings, st.from_regex(r"\A[a-z0-9._+-]{1,20}@[a-z]{1,10}\.[a-z]{2,5}\Z"))
def test_no_planted_address_survives(before: str, address: str) -> None:
    for planted in (address, f"sip:{address}", f'"Li" <sips:{address}>'):
        text = logs.redact(f"{before} {planted} rang")
        assert address not in text
        assert text.endswith(" rang")


def test_without_a_journal_lines_go_to_stderr_in_a_short_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    logs.set_up("INFO")
    logs.set_up("INFO")
    logging.getLogger("firmware.voice.sip").info("Calling %s", NUMBER)
    logging.getLogger("firmware.voice.sip").debug("Not asked for.")
    assert stderr.getvalue() == "INFO firmware.voice.sip: Calling [number]\n"


def test_under_systemd_lines_go_to_the_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    logs.set_up()
    assert [type(handler) for handler in logging.getLogger().handlers] == [JournalHandler]


def test_errors_that_nobody_handled_are_redacted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    stderr = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    logs.set_up()

    def fail() -> None:
        raise ValueError(f"no route to {NUMBER}")

    thread = threading.Thread(target=fail, name="sip")
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    assert "CRITICAL firmware.base.logs: The sip thread ended by an error that nobody handled." in stderr.getvalue()
    assert "CRITICAL firmware.base.logs: Ended by an error that nobody handled." in stderr.getvalue()
    assert stderr.getvalue().count("ValueError: no route to [number]") == 2
    assert "8000" not in stderr.getvalue()


def test_frames_are_printed_as_the_interpreter_prints_them() -> None:
    def fail() -> None:
        raise ValueError("plain")

    try:
        fail()
    except ValueError as error:
        record = logging.LogRecord(
            "test", logging.ERROR, "", 0, "Failed.", (), (ValueError, error, error.__traceback__)
        )
        expected = "".join(traceback.format_exception(error)).rstrip("\n")
    logs.Redaction().filter(record)
    assert record.exc_text == expected
