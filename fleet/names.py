"""What names handsets, fleets, messages and servers, for models of settings, the HTTP API and what is written down."""

import re
from typing import Annotated, Final

from pydantic import Field

from contract.messages import DIGEST_PATTERN, NAME_PATTERN

_NAME = re.compile(NAME_PATTERN)

HandsetName = Annotated[str, Field(min_length=1, max_length=64, pattern=f"^{NAME_PATTERN}$")]
"""A device or a fleet."""

Digest = Annotated[str, Field(min_length=64, max_length=64, pattern=f"^{DIGEST_PATTERN}$")]
"""SHA-256 in hexadecimal."""

_HTTPS: Final = r"^https://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:/[!-~]*)?$"

HttpsAddress = Annotated[str, Field(max_length=1000, pattern=_HTTPS)]
"""Where a server is asked, by TLS alone."""


def is_name(text: str) -> bool:
    """Tell whether a handset or a fleet can be called so."""
    return _NAME.fullmatch(text) is not None
