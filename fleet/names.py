"""What names a handset, a fleet and a message, for models of settings, of the HTTP API and of what is written down."""

import re
from typing import Annotated

from pydantic import Field

from contract.messages import DIGEST_PATTERN, NAME_PATTERN

_NAME = re.compile(NAME_PATTERN)

HandsetName = Annotated[str, Field(min_length=1, max_length=64, pattern=f"^{NAME_PATTERN}$")]
"""A device or a fleet."""

Digest = Annotated[str, Field(min_length=64, max_length=64, pattern=f"^{DIGEST_PATTERN}$")]
"""SHA-256 in hexadecimal."""


def is_name(text: str) -> bool:
    """Tell whether a handset or a fleet can be called so."""
    return _NAME.fullmatch(text) is not None
