"""The C side of the pjsua2 module: what SWIG does not offer or makes too slow. `engine/native/` has the functions."""

import ctypes
import functools
import logging
from collections.abc import Callable
from typing import Final, ParamSpec

import pjsua2

from firmware.base.errors import SipError

_P = ParamSpec("_P")
_log = logging.getLogger(__name__)

EDITION: Final = 8
"""Of the functions in `engine/native/`, as engine/recipe.py builds them in."""


class Message(ctypes.Structure):
    """`struct wecall_message` of engine/native/gate.c."""

    _fields_ = (
        ("source", ctypes.c_char_p),
        ("text", ctypes.c_void_p),
        ("method", ctypes.c_void_p),
        ("content_type", ctypes.c_void_p),
        ("body", ctypes.c_void_p),
        ("new_body", ctypes.c_char_p),
        ("new_type", ctypes.c_char_p),
        ("text_length", ctypes.c_long),
        ("method_length", ctypes.c_long),
        ("content_type_length", ctypes.c_long),
        ("body_length", ctypes.c_long),
        ("new_body_length", ctypes.c_long),
        ("source_port", ctypes.c_int),
        ("status", ctypes.c_int),
        ("in_dialog", ctypes.c_int),
        ("knows_call", ctypes.c_int),
        ("replace", ctypes.c_int),
    )


class Line(ctypes.Structure):
    """`struct wecall_line` of engine/native/receiver.h: what a stream has seen of its line, and done about it."""

    _fields_ = (
        ("played", ctypes.c_uint64),
        ("concealed", ctypes.c_uint64),
        ("gaps", ctypes.c_uint64),
        ("copied", ctypes.c_uint64),
        ("coarse", ctypes.c_uint64),
        ("squeezed", ctypes.c_uint64),
        ("stretched", ctypes.c_uint64),
        ("frames", ctypes.c_uint32),
        ("lost", ctypes.c_uint32),
        ("bursts", ctypes.c_uint32),
        ("late", ctypes.c_uint32),
        ("refused", ctypes.c_uint32),
        ("forbidden", ctypes.c_uint32),
        ("rate_hz", ctypes.c_uint32),
        ("clock_hz", ctypes.c_uint32),
        ("wait_ms", ctypes.c_float),
        ("wanted_ms", ctypes.c_float),
    )


class FarReport(ctypes.Structure):
    """`struct wecall_far_report` of engine/native/reports.c, which says what each member means."""

    _fields_ = (
        ("reports", ctypes.c_uint),
        ("lost", ctypes.c_int),
        ("metrics", ctypes.c_uint),
        ("loss_rate", ctypes.c_uint),
        ("discard_rate", ctypes.c_uint),
        ("mos_lq", ctypes.c_uint),
        ("mos_cq", ctypes.c_uint),
        ("told", ctypes.c_uint),
        ("highest", ctypes.c_uint),
        ("far_sent", ctypes.c_uint),
        ("sent", ctypes.c_uint),
        ("received", ctypes.c_uint),
    )


class Text(ctypes.Structure):
    """`struct wecall_text` of engine/native/text.c, which says what each member means."""

    _fields_ = (
        ("sends", ctypes.c_int),
        ("receives", ctypes.c_int),
        ("sent_type", ctypes.c_uint),
        ("received_type", ctypes.c_uint),
        ("depth", ctypes.c_uint),
    )


UNTOLD: Final = 127
"""An opinion in a FarReport that the far end has not told, or not on the scale (RFC 3611 section 4.7.5)."""

Judge = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Message))
Asked = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.c_long,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
)

_Signature = tuple[type | None, tuple[type, ...]]
_FUNCTIONS: Final[dict[str, _Signature]] = {
    "wecall_linked": (ctypes.c_char_p, ()),
    "wecall_thread_register": (None, (ctypes.c_char_p,)),
    "wecall_gate_start": (ctypes.c_int, (Judge,)),
    "wecall_names_start": (None, (Asked,)),
    "wecall_names_answer": (
        None,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int),
    ),
    "wecall_option_tag": (None, (ctypes.c_char_p,)),
    "wecall_describe_recording": (None, (ctypes.c_void_p, ctypes.c_char_p)),
    "wecall_name_first": (None, (ctypes.c_void_p, ctypes.c_char_p)),
    "wecall_name_only": (None, (ctypes.c_void_p, ctypes.c_char_p)),
    "wecall_shut_connections": (None, ()),
    "wecall_media_trust": (ctypes.c_int, (ctypes.POINTER(ctypes.c_char_p), ctypes.c_uint)),
    "wecall_media_name": (None, (ctypes.c_void_p, ctypes.c_char_p)),
    "wecall_media_refused": (ctypes.c_ulong, ()),
    "wecall_media_queue": (ctypes.c_void_p, ()),
    "wecall_media_poll": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_uint)),
    "wecall_line_bound": (None, (ctypes.c_void_p, ctypes.c_float, ctypes.c_float, ctypes.c_float)),
    "wecall_line_look": (None, (ctypes.c_void_p, ctypes.POINTER(Line))),
    "wecall_line_repeat": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint)),
    "wecall_line_expect_loss": (None, (ctypes.c_void_p, ctypes.c_uint)),
    "wecall_report_read": (
        ctypes.c_int,
        (ctypes.c_void_p, ctypes.c_long, ctypes.c_uint, ctypes.POINTER(FarReport)),
    ),
    "wecall_report_begin": (None, (ctypes.c_void_p,)),
    "wecall_report_get": (ctypes.c_int, (ctypes.c_void_p, ctypes.POINTER(FarReport))),
    "wecall_report_end": (None, (ctypes.c_void_p,)),
    "wecall_text_heard": (ctypes.c_int, ()),
    "wecall_text_look": (ctypes.c_int, (ctypes.c_int, ctypes.POINTER(Text))),
    "wecall_text_take": (
        ctypes.c_int,
        (
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.POINTER(ctypes.c_uint),
            ctypes.POINTER(ctypes.c_uint),
        ),
    ),
    "wecall_text_send": (
        ctypes.c_int,
        (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint, ctypes.c_int, ctypes.c_int, ctypes.c_uint),
    ),
    "wecall_carry_on": (None, ()),
    "wecall_bridge_exchange": (
        ctypes.c_int,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong),
    ),
    "wecall_double_talk_create": (ctypes.c_void_p, (ctypes.c_uint,)),
    "wecall_double_talk_destroy": (None, (ctypes.c_void_p,)),
    "wecall_double_talk_filter": (None, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)),
    "wecall_double_talk_choose": (None, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)),
    "wecall_double_talk_report": (None, (ctypes.c_void_p, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))),
    "wecall_ear_create": (ctypes.c_void_p, (ctypes.c_uint,)),
    "wecall_ear_destroy": (None, (ctypes.c_void_p,)),
    "wecall_ear_play": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint)),
    "pj_log_set_level": (None, (ctypes.c_int,)),
    "pjsua_call_get_max_count": (ctypes.c_uint, ()),
    "pjsua_call_get_count": (ctypes.c_uint, ()),
}


@functools.cache
def library() -> ctypes.CDLL:
    """Return the C functions of the SIP library's build.

    Raises:
        SipError: the build is not the one that belongs to this handset.
    """
    found = ctypes.CDLL(pjsua2._pjsua2.__file__)  # noqa: SLF001 - the extension's path is to be had nowhere else
    edition = found.wecall_edition() if hasattr(found, "wecall_edition") else 0
    missing = [name for name in _FUNCTIONS if not hasattr(found, name)]
    if edition != EDITION or missing:
        raise SipError(
            "The SIP library (pjsua2) is not the build that belongs to this handset. Install the wheel that "
            "`make engine` makes, or this handset's package."
        )
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


def linked() -> tuple[str, ...]:
    """Return what the build consists of, a library and its version each, pjproject first."""
    return tuple(library().wecall_linked().decode(errors="replace").splitlines())


def most_calls() -> int:
    """Return how many calls the build has places for (PJSUA_MAX_CALLS), once the library is up."""
    return int(library().pjsua_call_get_max_count())


def free_call_places() -> int:
    """Return how many more calls the library can take now; it lets go of one a moment after its last callback."""
    return most_calls() - int(library().pjsua_call_get_count())


def look_at_line(stream: int) -> Line:
    """Return what a stream (the address of a `pjmedia_stream`) has seen of its line so far."""
    line = Line()
    library().wecall_line_look(stream, ctypes.byref(line))
    return line


def trust_media(addresses: frozenset[str]) -> None:
    """Let audio come from these addresses at any port, where nothing comes from where signalling says."""
    words = [address.encode() for address in sorted(addresses)]
    if library().wecall_media_trust((ctypes.c_char_p * len(words))(*words), len(words)) != 0:
        _log.warning("The SIP stack does not take the servers' addresses; audio from behind their NAT is not heard.")


def far_report(stream: int) -> FarReport | None:
    """Return what the other end has told about a stream of ours by RTCP; None where the stream is not known.

    Args:
        stream: address of the library's `pjmedia_stream`.
    """
    report = FarReport()
    return report if stream and library().wecall_report_get(stream, ctypes.byref(report)) else None


def text_at(start: int | None, length: int) -> bytes:
    """Return text of the library's that is not terminated."""
    return ctypes.string_at(start, length) if start and length > 0 else b""


def guarded(callback: Callable[_P, None]) -> Callable[_P, None]:
    """Keep exceptions from leaving a callback: through C frames they end the process."""

    @functools.wraps(callback)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:  # noqa: BLE001 - whatever it is, it must not reach C frames
            _log.exception("A callback of the SIP stack failed.")

    return wrapper
