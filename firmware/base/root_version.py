"""How old the programs are that run as root: bundles bring firmware for the handset, and never for them."""

from importlib.metadata import distributions
from pathlib import Path
from typing import Final

_NAME: Final = "wecall-handset"
_INSTALLED: Final = Path("/opt/wecall/environments/installed")


def root_version(installed: Path = _INSTALLED) -> str:
    """Return the version that root's programs run from, empty where none are installed."""
    folders = [str(folder) for folder in installed.glob("lib/python3*/site-packages")]
    found = distributions(name=_NAME, path=folders)
    return next((each.version for each in found), "")
