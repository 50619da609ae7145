"""Fetches the libraries that the fleet's page brings along, so that whoever opens it asks nobody else.

`npm ci` takes exactly what package-lock.json names, by its hash, and runs nothing of theirs. The page's own copies lie
in `fleet/page/vendor`, each with its licence; neither folder is kept in the repository.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
VENDOR: Final = _HERE.parent.parent / "fleet" / "page" / "vendor"

AXE: Final = _HERE / "node_modules" / "axe-core" / "axe.min.js"
"""Finds faults of accessibility in a page that it is put into."""

FILES: Final = {
    "uplot.js": "uplot/dist/uPlot.esm.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "uplot.LICENSE.txt": "uplot/LICENSE",
}
"""The page's name for each file, and where npm puts it."""


class VendorError(Exception):
    """The libraries cannot be fetched; the message says what to do."""


def fetch() -> bool:
    """Bring the libraries to where the page loads them from.

    Returns:
        False where they were there already.

    Raises:
        VendorError: there is no npm, or it failed.
    """
    stamp = VENDOR / ".lock"
    wanted = hashlib.sha256((_HERE / "package-lock.json").read_bytes()).hexdigest()
    fetched = _HERE / "node_modules"
    npm = shutil.which("npm")
    # Where there is no npm, what lies there already is all that there can be.
    if stamp.exists() and stamp.read_text() == wanted and (fetched.exists() or npm is None):
        return False
    if npm is None:
        raise VendorError("npm is needed for the libraries of the fleet's page: apt install npm, then try again.")
    run = subprocess.run(  # noqa: S603 - our own lock file, and no scripts
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=_HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise VendorError(f"npm ci failed in {_HERE}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for name, source in FILES.items():
        shutil.copyfile(fetched / source, VENDOR / name)
    # Last, so that a copy that was cut off is made again.
    stamp.write_text(wanted)
    return True


if __name__ == "__main__":
    try:
        if fetch():
            print("setup: fetched the libraries of the fleet's page")  # noqa: T201 - whoever sets up reads it
    except VendorError as error:
        sys.exit(f"setup: {error}")
