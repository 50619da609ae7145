"""`python -m tools.sbom`: write a bill of materials."""

import sys
from pathlib import Path
from typing import Final

import click

from tools.lock.lockfile import FLEET, HANDSET, LockError
from tools.sbom.document import document, document_of
from tools.sbom.inventory import OWN, Part, locked, page_libraries, pjproject

_LOCKS: Final = {"handset": HANDSET, "fleet": FLEET}


@click.command()
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The root of an image or of the package, or a fleet server's environment.",
)
@click.option("--lock", type=click.Choice(sorted(_LOCKS)), help="In place of a root: what is locked for one.")
def main(root: Path | None, lock: str | None) -> None:
    """Print the bill of materials of what lies under a root, or of what is locked, as CycloneDX 1.6."""
    if (root is None) is (lock is None):
        raise click.UsageError("Say either --root or --lock.")
    try:
        if root is not None:
            text = document_of(root)
        elif lock is not None:
            more = page_libraries() if lock == "fleet" else [pjproject()]
            text = document(Part(f"{OWN}-{lock}", kind="application"), [*locked(_LOCKS[lock]), *more])
        click.echo(text, nl=False)
    except LockError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
