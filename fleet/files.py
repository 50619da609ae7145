"""Files that operators write: settings in TOML, and secrets that nobody else may read."""

import stat
import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError, ValidationInfo

from fleet.errors import FleetError

Settings = TypeVar("Settings", bound=BaseModel)


def beside(path: Path, info: ValidationInfo) -> Path:
    """Return a path as it is seen from the folder of the file that names it."""
    return path if info.context is None else info.context / path


PathBeside = Annotated[Path, AfterValidator(beside)]
"""A path that a file of settings names."""


def read_settings_file(path: Path, model: type[Settings], whose: str, advice: str) -> Settings:
    """Read settings.

    Args:
        path: the file.
        model: what it says.
        whose: the program or the person that it is for.
        advice: what to do where it cannot be read.

    Raises:
        FleetError: it cannot be read, or has mistakes, which are all told.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise FleetError(f"The {whose}'s settings, {path}, are no TOML: {error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"The {whose}'s settings, {path}, cannot be read. {advice}") from error
    try:
        return model.model_validate(document, context=path.absolute().parent)
    except ValidationError as error:
        mistakes = (
            f"{'.'.join(map(str, mistake['loc'])) or 'the file'}: {mistake['msg']}."
            for mistake in error.errors(include_input=False)
        )
        raise FleetError("\n".join((f"The {whose}'s settings, {path}, have mistakes:", *mistakes))) from error


def read_secret(path: Path, what: str, encoding: str = "utf-8") -> str:
    """Read a file that its owner alone may read.

    Raises:
        FleetError: it cannot be read, or others may read it.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        secret = path.read_text(encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"{what}, {path}, cannot be read. Check that the file is there, and its owner.") from error
    if mode & 0o077:
        raise FleetError(f"Others may read {what[0].lower()}{what[1:]}, {path}. Run: chmod 600 {path}")
    return secret
