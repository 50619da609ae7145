"""The C side of the pjsua2 module: the few functions that SWIG does not offer or makes too slow."""

import ctypes
import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

import pjsua2

_P = ParamSpec("_P")
_log = logging.getLogger(__name__)


class PjString(ctypes.Structure):
    """`pj_str_t` of pj/types.h."""

    _fields_ = (("text", ctypes.c_char_p), ("length", ctypes.c_ssize_t))

    @classmethod
    def of(cls, text: str) -> "PjString":
        """Make one that keeps its text alive."""
        encoded = text.encode()
        return cls(encoded, len(encoded))


@functools.cache
def library() -> ctypes.CDLL:
    """Return pjproject's C symbols, which the SWIG module exports."""
    return ctypes.CDLL(pjsua2._pjsua2.__file__)  # noqa: SLF001 - the extension's path is to be had nowhere else


def silence_log() -> None:
    """Keep the library from printing before its log is configured; its log holds numbers and URIs."""
    library().pj_log_set_level(ctypes.c_int(0))


def most_calls() -> int:
    """Return how many calls the build has places for (PJSUA_MAX_CALLS), once the library is up."""
    return int(library().pjsua_call_get_max_count())


def free_call_places() -> int:
    """Return how many more calls the library can take now; it lets go of one a moment after its last callback."""
    return most_calls() - int(library().pjsua_call_get_count())


def add_option_tag(tag: str) -> None:
    """Name an extension in the Supported header of every request and answer from now on; the library copies it."""
    symbols = library()
    symbols.pjsua_get_pjsip_endpt.restype = ctypes.c_void_p
    endpoint = ctypes.c_void_p(symbols.pjsua_get_pjsip_endpt())
    symbols.pjsip_endpt_add_capability(
        endpoint, None, pjsua2.PJSIP_H_SUPPORTED, None, ctypes.c_uint(1), ctypes.byref(PjString.of(tag))
    )


def shut_connections() -> None:
    """Leave every connection to a server; whoever needs one makes another."""
    symbols = library()
    symbols.pjsua_get_pjsip_endpt.restype = symbols.pjsip_endpt_get_tpmgr.restype = ctypes.c_void_p
    endpoint = ctypes.c_void_p(symbols.pjsua_get_pjsip_endpt())
    # struct pjsip_tpmgr_shutdown_param of pjsip/sip_transport.h: `force` and `include_udp`.
    how = (ctypes.c_int * 2)(0, 0)
    symbols.pjsip_tpmgr_shutdown_all(ctypes.c_void_p(symbols.pjsip_endpt_get_tpmgr(endpoint)), how)


def tls_version() -> str:
    """Return the name and version of the TLS library that the build uses, empty where it tells none."""
    for symbol in ("OpenSSL_version", "SSLeay_version"):
        function = getattr(library(), symbol, None)
        if function is not None:
            function.restype = ctypes.c_char_p
            version = function(0)
            return version.decode(errors="replace") if version else ""
    return ""


def guarded(callback: Callable[_P, None]) -> Callable[_P, None]:
    """Keep exceptions from leaving a callback: through C frames they end the process."""

    @functools.wraps(callback)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:  # noqa: BLE001 - whatever it is, it must not reach C frames
            _log.exception("A callback of the SIP stack failed.")

    return wrapper
