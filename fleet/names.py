"""What names a handset, a fleet and a message, for models of settings, of the HTTP API and of what is written down."""

from typing import Annotated

from pydantic import Field

from contract.messages import DIGEST_PATTERN, NAME_PATTERN

HandsetName = Annotated[str, Field(min_length=1, max_length=64, pattern=f"^{NAME_PATTERN}$")]
"""A device or a fleet."""

Digest = Annotated[str, Field(min_length=64, max_length=64, pattern=f"^{DIGEST_PATTERN}$")]
"""SHA-256 in hexadecimal."""
