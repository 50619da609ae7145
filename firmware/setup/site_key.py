"""The site's key on a card: who may sign the first bundle of a phone that nobody has set up."""

import logging
from pathlib import Path
from typing import Final

from provisioning.trust import Kind, TrustedKey

_log = logging.getLogger(__name__)

NAME: Final = "site.pub"
"""It lies beside the configuration."""

_MOST_BYTES: Final = 1024


def site_keys(path: Path) -> tuple[TrustedKey, ...]:
    """Read the key that somebody has put on the card; one that cannot be read is none, and people are asked."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("ascii").strip()
        return (TrustedKey(public=text, signs=frozenset({Kind.BUNDLE})),)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError):
        _log.error("%s holds no key in one line of base64, as `wecall key new` shows it; it is passed over.", path)
        return ()
