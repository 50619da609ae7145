"""Whether the page answers, by the certificate that its file has now."""

import ssl
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from fleet.api.settings import HttpSettings
from fleet.check.report import Row, State
from fleet.collector.certificates import read_certificate

_PAGE: Final = "page"
_STEP_S: Final = 8.0
_OK: Final = 200
# Who listens everywhere is found on this computer.
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def check_page(http: HttpSettings | None) -> Iterator[Row]:
    """Ask for what the page itself asks first, which needs no token."""
    if http is None:
        yield Row(_PAGE, State.NOT_TRIED, "The settings have no [http]: this collector serves none.")
        return
    host, where = _EVERYWHERE.get(http.host, http.host), f"{http.host}, port {http.port}"
    if http.certificate is None:
        connection = HTTPConnection(host, http.port, timeout=_STEP_S)
    else:
        # The certificate is for the name that people type, and is compared with the file's instead.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection(host, http.port, timeout=_STEP_S, context=context)
    try:
        connection.connect()
        shown = connection.sock.getpeercert(binary_form=True) if isinstance(connection.sock, ssl.SSLSocket) else None
        connection.request("GET", "/api/v1/settings")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        yield Row(
            _PAGE, State.BAD,
            f"It does not answer at {where}: {error}. Does the collector run? systemctl status wecall-collector",
        )  # fmt: skip
        return
    finally:
        connection.close()
    if status != _OK:
        yield Row(_PAGE, State.BAD, f"It answers at {where} with {status}. Look at the collector's journal.")
    elif http.certificate is not None and shown != _der(http.certificate):
        yield Row(
            _PAGE, State.WARN,
            f"At {where} it shows another certificate than {http.certificate.name}. Restart the collector.",
        )  # fmt: skip
    elif http.certificate is None and http.behind_proxy:
        yield Row(_PAGE, State.GOOD, f"It answers at {where}. The proxy before it, which speaks TLS, was not tried.")
    else:
        yield Row(_PAGE, State.GOOD, f"It answers at {where}, {'by TLS' if shown else 'on this computer alone'}.")


def _der(path: Path) -> bytes:
    return read_certificate(_PAGE, path).public_bytes(Encoding.DER)
