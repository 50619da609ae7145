"""Whether this machine runs from a card of ours, which RAUC updates, or from a package, which apt does."""

from pathlib import Path
from typing import Final

IMAGE: Final = Path("/usr/lib/wecall/image.json")
"""What the build of a card's system puts into it, and no package has."""


def is_card(image: Path = IMAGE) -> bool:
    """Tell whether the system comes from a card of ours."""
    return image.exists()
