"""The operator's end of proving a number: it sends a code to the number and compares what was typed."""

import hashlib
import hmac
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from firmware.phone.call import RegistrationState, SipUri
from firmware.phone.events import Event
from firmware.phone.news import MessageReceived
from firmware.phone.orders import SendMessage
from firmware.voice.sip.settings import SipSettings
from tests.lab.second_phone import SecondPhone

USER = "verify"
CODE_S = 600.0
TRIES = 5
_PREFIX = "WECALL-VERIFY 1"


@dataclass(slots=True)
class _Sent:
    """A code that is on its way; only its digest is kept."""

    reference: str
    digest: bytes
    good_until_s: float
    tries_left: int = TRIES


class VerificationDesk:
    """A SIP phone of the operator's that only writes and reads.

    Attributes:
        asked: who asked for a code, and what it is, newest last.
    """

    def __init__(
        self, settings: SipSettings, domain: str, when_asked: Callable[[str], None] = lambda _code: None
    ) -> None:
        """Set up.

        Args:
            settings: its account.
            domain: of the numbers that it serves.
            when_asked: is told each code that is sent.
        """
        self.asked: list[tuple[str, str]] = []
        self._phone = SecondPhone(settings)
        self._domain = domain
        self._when_asked = when_asked
        self._sent: dict[str, _Sent] = {}
        self._asked_one_more = threading.Condition()

    def start(self) -> None:
        """Register, and answer from now on."""
        self._phone.when_posted = self._hear
        self._phone.start()
        self._phone.wait_for_registration(RegistrationState.REGISTERED)

    def stop(self) -> None:
        """Be gone."""
        self._phone.stop()

    def code(self, number: int = 1, timeout_s: float = 15) -> str:
        """Wait until so many codes were asked for, and return the last of them.

        Raises:
            AssertionError: nobody asks.
        """
        with self._asked_one_more:
            assert self._asked_one_more.wait_for(lambda: len(self.asked) >= number, timeout_s), "nobody asks for a code"
            return self.asked[number - 1][1]

    def _hear(self, event: Event) -> None:
        if not isinstance(event, MessageReceived):
            return
        # The number that the code goes to is the one of the account that the proxy let through, whatever is written.
        user = event.message.party.number
        match event.message.text.removeprefix(_PREFIX).split():
            case ["REQUEST", reference]:
                self._send_code(user, reference)
            case ["CHECK", reference, code]:
                self._write(user, f"{_PREFIX} {self._verdict(user, reference, code)} {reference}")

    def _send_code(self, user: str, reference: str) -> None:
        code = f"{secrets.randbelow(10**6):06}"
        self._sent[user] = _Sent(reference, _digest(reference, code), time.monotonic() + CODE_S)
        # Before it is on its way: whoever reads it there may look here at once, and never again.
        with self._asked_one_more:
            self.asked.append((user, code))
            self._asked_one_more.notify_all()
        self._write(user, f"Your code is {code}.")
        self._when_asked(code)

    def _verdict(self, user: str, reference: str, code: str) -> str:
        sent = self._sent.get(user)
        if sent is None or sent.reference != reference or time.monotonic() > sent.good_until_s or not sent.tries_left:
            return "EXPIRED"
        sent.tries_left -= 1
        if not hmac.compare_digest(sent.digest, _digest(reference, code)):
            return "WRONG"
        del self._sent[user]
        return "RIGHT"

    def _write(self, user: str, text: str) -> None:
        self._phone.stack.order(SendMessage(uuid.uuid4().hex, SipUri(f"sip:{user}@{self._domain}"), text))


def _digest(reference: str, code: str) -> bytes:
    return hashlib.sha256(f"{reference} {code}".encode()).digest()
