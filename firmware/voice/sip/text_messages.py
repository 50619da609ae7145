"""Text messages by SIP MESSAGE (RFC 3428). Lives on the `sip` thread."""

import logging
import re
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pjsua2

from contract.calls import CallDirection
from firmware.phone.call import SipUri, TextMessage
from firmware.phone.news import MessageReceived, MessageSent, VoiceNews
from firmware.voice.sip.bodies import FOREIGN_CHARSET
from firmware.voice.sip.identity import Headers, ReceivedMessage, read_invitation
from firmware.voice.sip.mapping import status_code

_log = logging.getLogger(__name__)

MAX_TEXT_LENGTH: Final = 1000
_SUCCESS: Final = range(200, 300)
_LINE_END = re.compile("\r\n|[\u2028\u2029]")
_PLAIN_TEXT = re.compile(r"^text/plain\s*(?:$|;)", re.IGNORECASE)


class TextAccount(Protocol):
    """What a text needs of an account."""

    def send_text(self, target: str, text: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Sent:
    """A text on its way; `token` is kept alive because the library holds its address."""

    message_id: str
    token: Any


class TextMessages:
    """Texts that come in and those that are on their way out."""

    def __init__(self, post: Callable[[VoiceNews], None], is_trusted: Callable[[str], bool]) -> None:
        self._post = post
        self._is_trusted = is_trusted
        self._sent: dict[int, _Sent] = {}

    def send(self, account: TextAccount, message_id: str, uri: SipUri, text: str) -> None:
        """Send a text; MessageSent follows."""
        try:
            token = account.send_text(uri, text)
        except pjsua2.Error as error:
            _log.warning("A text message could not be sent: %s.", error.reason)
            self._post(MessageSent(message_id, accepted=False))
            return
        self._sent[int(token.this)] = _Sent(message_id, token)

    def answered(self, token: int, sip_code: int) -> None:
        """Tell what became of a text."""
        sent = self._sent.pop(token, None)
        if sent is not None:
            self._post(MessageSent(sent.message_id, sip_code in _SUCCESS, status_code(sip_code)))

    def take(self, message: ReceivedMessage, body: str) -> None:
        """Pass on a text that came in.

        The library answers 200 to whatever it is; the gate turns away what cannot be shown, where there is one.
        """
        if not can_be_shown(message.text):
            _log.info("A text message in a form that cannot be shown was dropped.")
            return
        text = readable(body)
        if not text:
            return
        party = read_invitation(message.text, trusted=self._is_trusted(message.source)).caller
        self._post(MessageReceived(TextMessage(uuid.uuid4().hex, CallDirection.INCOMING, party, text)))


def can_be_shown(message: str) -> bool:
    """Say whether a MESSAGE is plain text in a character set that is known here."""
    headers = Headers(message)
    content_type = headers.first("content-type") or headers.first("c")
    return bool(_PLAIN_TEXT.match(content_type)) and not FOREIGN_CHARSET.search(content_type)


def readable(text: str) -> str:
    """Take out of a text what a display cannot show or what would forge it, and cut it to a sane length."""
    kept = "".join(
        character
        for character in _LINE_END.sub("\n", text)[: 4 * MAX_TEXT_LENGTH]
        if character == "\n" or not unicodedata.category(character).startswith("C")
    )
    return kept.strip()[:MAX_TEXT_LENGTH]
