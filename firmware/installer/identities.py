"""The identities that handsets left on a stick: `identity-<serial>.json`."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from provisioning.errors import ProvisioningError
from provisioning.identity import IDENTITY_NAME, MAX_IDENTITY_BYTES, Identity, read_identity


def read_identities(paths: Iterable[Path]) -> Mapping[str, Identity]:
    """Read identities, by their serials.

    Args:
        paths: files, or folders whose identities count, such as a stick.

    Raises:
        ProvisioningError: there is none, or some are none, with every one of those.
    """
    paths = tuple(paths)
    found: dict[str, Identity] = {}
    mistakes: list[str] = []
    for path in _files(paths):
        try:
            with path.open("rb") as file:
                identity = read_identity(file.read(MAX_IDENTITY_BYTES + 1))
        except OSError as error:
            mistakes.append(f"{path} cannot be read: {error.strerror}.")
        except ProvisioningError as error:
            mistakes.append(" ".join((f"{path}:", str(error), *error.mistakes)))
        else:
            if found.setdefault(identity.serial, identity) != identity:
                mistakes.append(f"{path}: there is another identity of {identity.serial}. Delete the older one.")
    if mistakes:
        raise ProvisioningError("Some identities cannot be used.", tuple(mistakes))
    if not found:
        raise ProvisioningError(
            f"There is no {IDENTITY_NAME.format(serial='<serial>')} in {', '.join(map(str, paths))}. A handset leaves "
            "it on a stick that has neither bundles nor updates, and on one whose bundles are all for other handsets."
        )
    return found


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob(IDENTITY_NAME.format(serial="*"))) if path.is_dir() else (path,)
