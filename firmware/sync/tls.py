"""TLS with a certificate and a key that exist in memory only."""

import os
import ssl
from typing import Any

from firmware.ports.broker import BrokerProblem, BrokerSettings
from firmware.sync.guard import HostilePacketError, PacketGuard
from firmware.sync.meter import Meter
from firmware.sync.problems import BrokerError


class AlertKeepingSocket(ssl.SSLSocket):
    """Remembers why reading failed, paho closes the socket and forgets; and lets no packet in that may not come.

    In TLS 1.3 the broker judges the device's certificate after the handshake is over for the device, so its alert
    arrives as the failure of an ordinary read.
    """

    failure: OSError | None = None
    meter = Meter()
    """Of the one connection that a context is for; see `tls_context`."""
    _guard: PacketGuard | None = None

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            # paho leaves it to the garbage collector.
            self.close()
            raise

    def close(self) -> None:
        self.meter.look(self)
        super().close()

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        if self._guard is None:
            self._guard = PacketGuard()
        try:
            data = super().recv(*args, **kwargs)
            self._guard.feed(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except (ssl.SSLError, HostilePacketError) as error:
            self.failure = error
            raise
        return data


def tls_context(settings: BrokerSettings, meter: Meter) -> ssl.SSLContext:
    """Build the context for one connection: the broker is always verified, the device shows its certificate.

    Args:
        settings: whose certificates.
        meter: counts what the connection moves.

    Raises:
        BrokerError: a certificate or the key cannot be used.
    """
    try:
        context = ssl.create_default_context(cadata=settings.ca_pem)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = type("MeteredSocket", (AlertKeepingSocket,), {"meter": meter})
        if settings.certificate_pem is not None and settings.key_pem is not None:
            _load(context, settings.certificate_pem, settings.key_pem)
    except (ssl.SSLError, ValueError) as error:
        raise BrokerError(BrokerProblem.DEVICE_CERTIFICATE_UNUSABLE) from error
    return context


def _load(context: ssl.SSLContext, certificate_pem: str, key_pem: str) -> None:
    # OpenSSL reads PEM from files only; this file has no name, and is gone when the descriptor closes.
    memory_fd = os.memfd_create("device-certificate", os.MFD_CLOEXEC)
    with os.fdopen(memory_fd, "wb") as file:
        file.write(f"{certificate_pem.strip()}\n{key_pem.strip()}\n".encode())
        file.flush()
        # An empty password, or else OpenSSL would ask for that of an encrypted key at the terminal.
        context.load_cert_chain(f"/proc/self/fd/{memory_fd}", password="")
