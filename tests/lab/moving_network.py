"""Run in a network namespace of its own: a handset whose network comes late, and then changes.

Exits with 0 where the account registers as soon as there is a network, and again when its address changes.
"""

import re
import socket
import subprocess
import threading

from firmware.phone.call import RegistrationFailure, RegistrationState
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.sip_line import SipLine

SERVER = "10.9.0.1"
COPIED = re.compile(rb"^(?:Via|From|To|Call-ID|CSeq|Contact):.*\r\n", re.MULTILINE)


class YesMan:
    """Answers every request with 200, like a registrar without a password."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 0))
        self.registered = threading.Semaphore(0)
        threading.Thread(target=self._answer, daemon=True).start()

    @property
    def port(self) -> int:
        port: int = self.socket.getsockname()[1]
        return port

    def _answer(self) -> None:
        while True:
            request, sender = self.socket.recvfrom(65536)
            if not request.startswith((b"REGISTER", b"OPTIONS")):
                continue
            headers = b"".join(COPIED.findall(request))
            self.socket.sendto(b"SIP/2.0 200 OK\r\n" + headers + b"Expires: 300\r\nContent-Length: 0\r\n\r\n", sender)
            if request.startswith(b"REGISTER"):
                self.registered.release()


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def main() -> None:
    ip("link", "set", "lo", "up")
    server = YesMan()
    account = AccountSettings("alice", SERVER, SERVER, server.port, Transport.UDP, "secret", srtp=Srtp.OFF)
    # A back-off that would outlast the test: what brings the account back is the kernel's word.
    with SipLine(SipSettings(account, local_port=0, retry_base_s=600, retry_cap_s=600, binding_check_s=0)) as line:
        failed = line.wait_for_registration(RegistrationState.FAILED)
        assert failed.failure is RegistrationFailure.NO_NETWORK, failed
        ip("address", "add", f"{SERVER}/24", "dev", "lo")
        line.wait_for_registration(RegistrationState.REGISTERED, timeout_s=5)
        assert server.registered.acquire(timeout=5)
        while server.registered.acquire(timeout=1):
            pass
        ip("address", "add", "10.9.0.77/24", "dev", "lo")
        assert not server.registered.acquire(timeout=3), "an address that nobody uses was followed"
        ip("route", "replace", "local", SERVER, "dev", "lo", "table", "local", "scope", "host", "src", "10.9.0.77")
        assert server.registered.acquire(timeout=5), "no REGISTER followed the change of address"


if __name__ == "__main__":
    main()
