"""Who the operator is, and what it offers by a link on the display."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from provisioning.section import ConfigurationTable

ACCOUNT_PLACE: Final = "{account}"
_SCHEME: Final = "https://"
# Letters that a link may have as they are (RFC 3986 sections 2.2 and 2.3).
_ALLOWED: Final = re.compile(
    r"https://[A-Za-z0-9-][A-Za-z0-9.-]*(:[0-9]{1,5})?([/?#][A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]*)?"
)


def _checked(template: str) -> str:
    if not template:
        return template
    if not template.startswith(_SCHEME):
        raise ValueError(f"a link begins with {_SCHEME}, so that nobody on the way reads or changes it")
    bare = template.replace(ACCOUNT_PLACE, "0")
    if "{" in bare or "}" in bare:
        raise ValueError(f"the only place that a link may have is {ACCOUNT_PLACE}, the account's opaque id")
    if not _ALLOWED.fullmatch(bare):
        raise ValueError(
            "this is not a link; letters other than a-z, digits and -._~:/?#@!$&'()*+,;= are written as %XX"
        )
    return template


# With the 32 digits of the opaque id, 111 letters are a QR code of version 7 (ISO/IEC 18004 table 7, level L), which is
# the largest that a display of 64 rows shows with its quiet zone.
LinkTemplate = Annotated[
    str,
    Field(
        max_length=111,
        description="a link that begins with https://, up to 111 letters",
        examples=["https://example.com/invite?from={account}"],
    ),
    AfterValidator(_checked),
]


# RFC 3261 section 25.1, of which a user, a host and a port are enough.
SipAddress = Annotated[
    str,
    Field(
        description="a SIP URI, such as sip:verify@sip.example.com",
        examples=["sip:verify@sip.example.com"],
        max_length=200,
        pattern=r"^(sips?:[A-Za-z0-9\-_.!~*'+]{1,64}@[A-Za-z0-9\[][A-Za-z0-9.:\]-]{0,130})?$",
    ),
]

Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Operator(ConfigurationTable):
    """Who answers for the holder's data, and links that pages show as QR codes.

    `{account}` in a link becomes the default account's opaque id.

    Attributes:
        name: the operator's full name, as on the receipts that the holder gets.
        contact: how whoever answers questions about personal data is reached: a number, an address, both.
        privacy_officer: the name of whoever that is.
        verification: whom a new phone asks to send a code to its number, a SIP URI; empty where nobody proves numbers.
        invite_link: where somebody who is invited becomes a customer.
        top_up_link: where somebody pays for the account.
    """

    name: Annotated[Line, Field(max_length=80, examples=["Example Telecom Ltd"])] = ""
    contact: Annotated[Line, Field(examples=["privacy@example.com, +86 10 1234 5678, 1 Example Road, Beijing"])] = ""
    privacy_officer: Annotated[Line, Field(max_length=80, examples=["Li Na"])] = ""
    verification: SipAddress = ""
    invite_link: LinkTemplate = ""
    top_up_link: Annotated[LinkTemplate, Field(examples=["https://pay.example.com/{account}"])] = ""
