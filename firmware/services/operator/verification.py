"""Has somebody outside prove that a number belongs to this line: by a code that they send there.

The operator draws the code, sends it to the number that stands in its books for the account, and compares what the
person typed. The handset never learns it, except as a text message that comes to the line like any other.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

from firmware.base.errors import HandsetError
from firmware.phone.events import Event
from firmware.phone.news import MessageReceived, MessageSent

_log = logging.getLogger(__name__)

_ANSWER_S: Final = 32.0
"""A MESSAGE that nobody answers is given up after 64 times T1 (RFC 3261 section 17.1.2.2)."""

_PREFIX: Final = "WECALL-VERIFY 1"
_ANSWER: Final = re.compile(rf"{_PREFIX} (?P<verdict>RIGHT|WRONG|EXPIRED) (?P<reference>[0-9a-f]{{16}})")


class Verdict(StrEnum):
    """What the operator says of a code."""

    RIGHT = "RIGHT"
    WRONG = "WRONG"
    EXPIRED = "EXPIRED"


class Verifier(Protocol):
    """Whoever sends codes and compares them; another way of sending is another class of this kind."""

    when_code_arrives: Callable[[str], None]
    """Told what the message with the code says, where it comes to this phone; on the event loop."""

    async def request(self) -> bool:
        """Ask for a code to be sent to the line's number; False where nobody takes the request."""
        ...

    async def check(self, code: str) -> Verdict | None:
        """Have a code compared; None where nobody answers."""
        ...


def _tell_nobody(_text: str) -> None:
    """Show it nowhere."""


class SipVerifier:
    """Requests and answers as SIP MESSAGE, to and from the operator's verification address.

    Each request has a reference that its answers repeat: an old answer, or one that somebody made up who has not seen
    the request, counts for nothing. Whatever else the address writes is the message with the code.
    """

    def __init__(self, address: str, send: Callable[[str, str], None], *, answer_s: float = _ANSWER_S) -> None:
        """Set up.

        Args:
            address: the operator's, a SIP URI.
            send: sends a text there, and names it by its first argument; `MessageSent` follows.
            answer_s: how long an answer is waited for.
        """
        self._user = address.partition(":")[2].partition("@")[0]
        self._send = send
        self._answer_s = answer_s
        self._reference = ""
        self._sent: dict[str, asyncio.Future[bool]] = {}
        self._verdict: asyncio.Future[Verdict] | None = None
        self.when_code_arrives: Callable[[str], None] = _tell_nobody

    async def request(self) -> bool:
        """Ask for a code."""
        self._reference = secrets.token_hex(8)
        return await self._deliver(f"{_PREFIX} REQUEST {self._reference}")

    async def check(self, code: str) -> Verdict | None:
        """Send back what was typed, and wait for what the operator says of it."""
        self._verdict = asyncio.get_running_loop().create_future()
        try:
            if not await self._deliver(f"{_PREFIX} CHECK {self._reference} {code}"):
                return None
            return await asyncio.wait_for(self._verdict, self._answer_s)
        except TimeoutError:
            _log.warning("The operator's verification address took a code and did not say whether it is the right one")
            return None
        finally:
            self._verdict = None

    def takes(self, event: Event) -> bool:
        """Take an event that is about this; False leaves it to the phone."""
        match event:
            case MessageSent(message_id, accepted) if message_id in self._sent:
                if not (waiting := self._sent.pop(message_id)).done():
                    waiting.set_result(accepted)
            case MessageReceived(message) if message.party.number == self._user and self._is_asked_about(message.text):
                self._read(message.text)
            case _:
                return False
        return True

    def _is_asked_about(self, text: str) -> bool:
        """Whether a text of the address is for us; when no code is awaited it may be anything that the holder reads."""
        return bool(self._reference) or text.startswith(_PREFIX)

    def _read(self, text: str) -> None:
        answer = _ANSWER.fullmatch(text.strip())
        if answer is None:
            if not text.startswith(_PREFIX):
                self.when_code_arrives(text)
        elif answer["reference"] == self._reference and self._verdict is not None and not self._verdict.done():
            verdict = Verdict(answer["verdict"])
            self._verdict.set_result(verdict)
            if verdict is Verdict.RIGHT:
                self._reference = ""

    async def _deliver(self, text: str) -> bool:
        message_id = secrets.token_hex(16)
        accepted = self._sent[message_id] = asyncio.get_running_loop().create_future()
        try:
            self._send(message_id, text)
            return await asyncio.wait_for(accepted, self._answer_s)
        except (TimeoutError, HandsetError) as error:
            _log.warning("The operator's verification address cannot be reached: %s", error or "it says nothing")
            return False
        finally:
            self._sent.pop(message_id, None)
