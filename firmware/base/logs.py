"""Where log lines go, and what may stand in them: the journal has other readers than the holder.

The rule is default deny. In text (messages, arguments, exceptions) every number of three digits or more goes, however
it is grouped, and so does every SIP or telephone URI and everything of the form user@host. Arguments that *are*
numbers, `int` or `float`, are measurements (ports, codes, durations) and stay; from 100,000 on only their magnitude
does, so that a dialled number which was turned into an int tells nothing either. Names cannot be recognised: never log
them. Neither can keys that are logged one at a time.
"""

import logging
import math
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final

from systemd.journal import JournalHandler

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_log = logging.getLogger(__name__)

_IDENTIFIER: Final = "wecall"
_LARGEST_MEASUREMENT: Final = 100_000

# A quoted display name goes with its address (RFC 3261 section 25.1, name-addr).
_URI = re.compile(r"""(?:"[^"\n]*"\s*)?<?\b(?:sips?|tel):[^\s<>"']*>?""", re.IGNORECASE)
_USER_AT_HOST = re.compile(r"""[^\s<>"'@]+@[^\s<>"'@]+""")
# Digits of any script, with what people and libraries put between them: RFC 3966's visual separators, spaces and
# dashes, also as repr() escapes them.
_NUMBER = re.compile(r"\+?\d(?:(?:[\s\-.()/\u2010-\u2015]|\\(?:[nrt]|xa0|u20[0-9a-f]{2}|u3000)){0,3}\d){2,}")
_CONVERSION = re.compile(r"(%(?:\([^)]*\))?[#0\- +]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[a-zA-Z%])")

_STANDARD_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__)


def redact(text: str) -> str:
    """Return the text without numbers, URIs and addresses."""
    text = _URI.sub("[uri]", text)
    text = _USER_AT_HOST.sub("[address]", text)
    return _NUMBER.sub("[number]", text)


class Redaction(logging.Filter):
    """Rewrites each record so that whatever a handler sends of it is redacted."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _message(record)
        record.args = None
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            record.exc_text = "".join(_describe(error, set())).rstrip("\n")
        elif record.exc_text:
            record.exc_text = redact(record.exc_text)
        # JournalHandler sends every attribute of the record; exc_info would be its own, unredacted, repr.
        record.exc_info = None
        for name in record.__dict__.keys() - _STANDARD_ATTRIBUTES:
            del record.__dict__[name]
        return True


def set_up(level: int | str = logging.INFO) -> None:
    """Send everything that is logged to the journal, where this process runs under it, or else to stderr.

    What nobody caught is logged too, since the interpreter would print it unredacted.
    """
    handler: logging.Handler
    if _stderr_is_the_journal():
        handler = JournalHandler(SYSLOG_IDENTIFIER=_IDENTIFIER)
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(Redaction())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    # When a handler fails, logging prints the record's own traceback to stderr, unredacted.
    logging.raiseExceptions = False
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def _stderr_is_the_journal() -> bool:
    # systemd.exec(5): JOURNAL_STREAM names the device and inode, and is inherited by children that write elsewhere.
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def _message(record: logging.LogRecord) -> str:
    template = str(record.msg)
    if not record.args:
        return redact(template)
    # Conversions such as %-12.3s hold digits that are no number.
    parts = _CONVERSION.split(template)
    parts[::2] = [redact(part) for part in parts[::2]]
    args: object
    if isinstance(record.args, Mapping):
        args = {key: _argument(value) for key, value in record.args.items()}
    else:
        args = tuple(_argument(value) for value in record.args)
    try:
        return "".join(parts) % args
    except (TypeError, ValueError, KeyError):
        return "".join(parts[::2]) + " (the arguments do not fit the message)"


class _Redacted:
    """An argument that is rendered, and redacted, only when the message is."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return redact(str(self._value))

    def __repr__(self) -> str:
        return redact(repr(self._value))


def _argument(value: object) -> object:
    if isinstance(value, int | float):
        return value if not math.isfinite(value) or abs(value) < _LARGEST_MEASUREMENT else _magnitude(value)
    return _Redacted(value)


def _magnitude(value: float) -> float:
    digits = 1 - math.floor(math.log10(abs(value)))
    return round(value, digits)


def _describe(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Format an exception as the interpreter does, but redact what the exceptions themselves say."""
    if id(error) in seen:
        return
    seen.add(id(error))
    if error.__cause__ is not None:
        yield from _describe(error.__cause__, seen)
        yield "\nThe above exception was the direct cause of the following exception:\n\n"
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from _describe(error.__context__, seen)
        yield "\nDuring handling of the above exception, another exception occurred:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield redact("".join(traceback.format_exception_only(error)))
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _describe(inner, seen)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _log.critical("Ended by an error that nobody handled.", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "unknown"
    error = args.exc_value or args.exc_type()
    _log.critical("The %s thread ended by an error that nobody handled.", name, exc_info=error)


def _log_unraisable(args: "UnraisableHookArgs") -> None:
    _log.error("An error in a callback or a destructor was ignored.", exc_info=args.exc_value)
