"""`wecall bundle` and `wecall fleet`: what installers and operators do at a laptop, with the base distribution alone.

Each command stands in a module of its own, imported when it is asked for: the handset's own start imports this one.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

from provisioning.errors import ProvisioningError

_BUNDLE_COMMANDS: Final[Mapping[str, str]] = {
    "init": "init_command",
    "check": "check_command",
    "seal": "seal_command",
    "build": "build_command",
    "sign": "build_command",
    "inspect": "inspect_command",
    "keys": "keys_command",
    "mass": "mass_command",
}
"""The module of each command of `wecall bundle` below this package, in the order of the work."""

_FLEET_COMMANDS: Final[Mapping[str, str]] = {"ca": "authority_commands"}


class LateGroup(click.Group):
    """A group whose commands are imported when they are asked for, and whose errors are told and not traced."""

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **settings: Any) -> None:
        """Set up.

        Args:
            *arguments: for click.
            modules: by the name of each command the module of this package that has it under that name, with an
                underscore for each hyphen.
            **settings: for click.
        """
        super().__init__(*arguments, **settings)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._modules, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = self._modules.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        command = getattr(import_module(f"firmware.installer.{module}"), cmd_name.replace("-", "_"))
        if not isinstance(command, click.Command):
            raise TypeError(f"{module} has no command {cmd_name}.")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ProvisioningError as error:
            raise click.ClickException("\n".join((str(error), *error.mistakes))) from error
        except BrokenPipeError:
            # Whoever read what was said has gone; click knows.
            raise
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'A file'} cannot be used: {error.strerror}.") from error


@click.group(cls=LateGroup, modules=_BUNDLE_COMMANDS)
def bundle() -> None:
    """Set handsets up by a signed file, on a stick or from afar."""


@click.group(cls=LateGroup, modules=_FLEET_COMMANDS)
def fleet() -> None:
    """Look after many handsets."""
