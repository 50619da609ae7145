"""The far end of a stream whose keys come by DTLS (RFC 5764): openssl shakes hands, and SRTP is looked at."""

import re
import socket
import subprocess
import threading
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.lab.certificates import IssuedCertificate
from tests.lab.patience import PATIENCE_S
from tests.lab.ports import free_port
from tests.lab.rtp_port import packet_of

_PROFILE: Final = "SRTP_AES128_CM_SHA1_80"
# RFC 5764 section 4.2: the client's key, the server's key, the client's salt, the server's salt.
_KEY_BYTES, _SALT_BYTES = 16, 14
_MATERIAL_BYTES: Final = 2 * (_KEY_BYTES + _SALT_BYTES)
# RFC 3711 sections 4.2 and 4.3.
_AUTHENTICATION: Final = 1
_TAG_BYTES: Final = 10
_LARGEST: Final = 2048
# RFC 7983 section 7.
_DTLS: Final = range(20, 64)


class DtlsPeer:
    """A UDP port of loopback; whoever has not shaken hands there hears nothing.

    Attributes:
        port: which.
    """

    def __init__(self) -> None:
        self.port = free_port(socket.SOCK_DGRAM)

    def begin(self, port: int, certificate: IssuedCertificate) -> "Handshake":
        """Begin to shake hands with who is at a port of loopback."""
        return Handshake(
            "-connect", f"127.0.0.1:{port}", "-bind", f"127.0.0.1:{self.port}",
            "-cert", str(certificate.certificate), "-key", str(certificate.key),
        )  # fmt: skip

    @staticmethod
    def hello(certificate: IssuedCertificate) -> bytes:
        """Return what a handshake begins with, which nobody has been sent."""
        peer = DtlsPeer()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
            nobody.bind(("127.0.0.1", 0))
            nobody.settimeout(PATIENCE_S)
            with peer.begin(nobody.getsockname()[1], certificate):
                return nobody.recv(_LARGEST)

    def receive(self) -> bytes:
        """Return the next packet of RTP that comes, which there must be.

        Raises:
            AssertionError: somebody shakes hands instead.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
            ear.bind(("127.0.0.1", self.port))
            ear.settimeout(PATIENCE_S)
            while True:
                data = ear.recv(_LARGEST)
                assert data[0] not in _DTLS
                if packet_of(data):
                    return data


class Handshake:
    """One handshake, as the client, whose hello has gone."""

    def __init__(self, *words: str) -> None:
        command = ("openssl", "s_client", "-dtls1_2", "-state", "-use_srtp", _PROFILE, *words)
        keys = ("-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", str(_MATERIAL_BYTES))
        self._client = subprocess.Popen(
            (*command, *keys), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._read(r"(write client hello)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.kill()
        self._client.communicate()

    def finish(self) -> bytes:
        """Return the keys that have been agreed on.

        Raises:
            AssertionError: none have.
        """
        with self:
            return bytes.fromhex(self._read(r"Keying material: ([0-9A-F]+)"))

    def _read(self, pattern: str) -> str:
        assert self._client.stdout is not None
        # It does not end as long as anything comes from the other end.
        end = threading.Timer(PATIENCE_S, self._client.kill)
        end.start()
        try:
            found = next(filter(None, (re.search(pattern, line) for line in self._client.stdout)), None)
        finally:
            end.cancel()
        assert found, f"openssl does not say {pattern}"
        return found[1]


def fingerprint(certificate: IssuedCertificate) -> str:
    """Return the line of a description that names a certificate (RFC 8122 section 5)."""
    digest = x509.load_pem_x509_certificate(certificate.certificate.read_bytes()).fingerprint(hashes.SHA256())
    return f"fingerprint:sha-256 {digest.hex(':').upper()}"


def is_servers(packet: bytes, keys: bytes) -> bool:
    """Say whether one of the first packets of a stream was protected by the server of a handshake."""
    key = keys[_KEY_BYTES : 2 * _KEY_BYTES]
    salt = int.from_bytes(keys[-_SALT_BYTES:]) ^ _AUTHENTICATION << 48
    derived = Cipher(algorithms.AES(key), modes.CTR((salt << 16).to_bytes(16))).encryptor().update(bytes(20))
    tag = hmac.HMAC(derived, hashes.SHA1())
    tag.update(packet[:-_TAG_BYTES] + bytes(4))
    return tag.finalize()[:_TAG_BYTES] == packet[-_TAG_BYTES:]
