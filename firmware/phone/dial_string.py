"""Numbers as people keep them: with an extension, with digits to be sent after the answer, or a SIP address.

What an extension and what pauses are called differs by country and program: "ext. 12", "x12", "转 12", `;ext=12`
(RFC 3966 section 3), `,` or `p` for a pause, `;` or `w` for waiting until a person says so.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

PAUSE: Final = ","
WAIT: Final = ";"
MAX_POST_DIAL: Final = 48

_EXTENSION: Final = re.compile(
    r"[\s,;]*(?:;ext=|e?xt(?:ensio)?n?\b\.?|x|доб\.?|anexo|poste|durchwahl|转|轉|分机|分機)\s*[:.]?\s*([0-9]{1,12})$",
    re.IGNORECASE,
)
# A letter is a pause behind a digit only: in "1-800-GROW4" it is one of a word.
_POST_DIAL: Final = re.compile(
    r"\s*((?:[,;]|(?<=[0-9*#)\s])[pw])(?=[^0-9*#]*[0-9*#])[0-9*#,;pw\s.()-]*)$", re.IGNORECASE
)
_URI_PARAMETER: Final = re.compile(r";(?!ext=)[a-z-]+=[^;]*", re.IGNORECASE)
_LETTERS: Final = re.compile(r"[+0-9().\s/-]*[0-9][().\s/-]*[A-Za-z][A-Za-z0-9().\s/-]*")
_FEWEST_LETTERS: Final = 3
_FEWEST_DIGITS: Final = 3
_KEYS: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")

# RFC 3261 section 25.1, without a password, parameters or headers: these are not for a contact to say.
_SIP: Final = re.compile(
    r"(?:(?P<scheme>sips?):)?(?P<user>(?:[A-Za-z0-9_.!~*'()&=+$,/-]|%[0-9A-Fa-f]{2})+)"
    r"@(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?P<port>:[0-9]{1,5})?",
    re.IGNORECASE,
)


class SipAddress(NamedTuple):
    """A SIP address taken apart; the host is in lower case."""

    scheme: str
    user: str
    host: str
    port: str

    def __str__(self) -> str:
        """Return it as a URI."""
        return f"{self.scheme}:{self.user}@{self.host}{self.port}"


@dataclass(frozen=True, slots=True)
class DialString:
    """What to call, and what to send after the answer.

    Attributes:
        number: a number as it was written, or a SIP address.
        post_dial: digits, `*` and `#`, with PAUSE and WAIT between them; empty for nothing.
    """

    number: str
    post_dial: str = ""

    def __str__(self) -> str:
        """Return both in one, as it is dialled and kept."""
        return self.number + self.post_dial


def parse_number(text: str) -> DialString:
    """Take a number apart that somebody has typed or a card has brought."""
    text = text.strip()
    if "@" in text:
        address = sip_address(text)
        return DialString(str(address) if address is not None else text)
    bare = re.sub(r"^(?:sips?|tel):", "", text, flags=re.IGNORECASE)
    if bare.lstrip("+").isdigit():
        return DialString(bare)
    bare = _URI_PARAMETER.sub("", bare).strip(" ,;")
    if (match := _EXTENSION.search(bare)) is not None and any(map(str.isdigit, bare[: match.start()])):
        bare = f"{bare[: match.start()]}{PAUSE}{match[1]}"
    post_dial = ""
    if (match := _POST_DIAL.search(bare)) is not None and any(map(str.isdigit, bare[: match.start()])):
        bare, post_dial = bare[: match.start()], _keys_of(match[1])
    return DialString(bare.strip(" ,;"), post_dial[:MAX_POST_DIAL].rstrip(PAUSE + WAIT))


def _keys_of(text: str) -> str:
    keys = text.upper().replace("P", PAUSE).replace("W", WAIT)
    return re.sub(r"[^0-9*#,;]", "", keys)


def sip_address(text: str) -> SipAddress | None:
    """Return a SIP address without what a contact must not say of a call; None where it is none."""
    if "@" not in text:
        return None
    match = _SIP.fullmatch(re.split(r"[;?]", text.strip(), maxsplit=1)[0])
    if match is None:
        return None
    return SipAddress((match["scheme"] or "sip").lower(), match["user"], match["host"].lower(), match["port"] or "")


def keys_of_letters(number: str) -> str:
    """Return a number of words, such as 1-800-FLOWERS, by the keys that the letters are on (ITU-T E.161)."""
    letters = [character for character in number if character.isalpha()]
    digits_first = sum(map(str.isdigit, re.split("[A-Za-z]", number, maxsplit=1)[0]))
    if len(letters) < _FEWEST_LETTERS or digits_first < _FEWEST_DIGITS or not _LETTERS.fullmatch(number):
        return number
    return number.upper().translate(_KEYS)
