"""`wecall bundle` and `wecall fleet`: what installers and operators do at a laptop, with the base distribution alone.

Each command stands in a module of its own, imported when it is asked for: the handset's own start imports this one.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

from provisioning.errors import ProvisioningError

_BUNDLE_COMMANDS: Final[Mapping[str, str]] = {
    "init": "firmware.installer.init_command",
    "check": "firmware.installer.check_command",
    "seal": "firmware.installer.seal_command",
    "build": "firmware.installer.build_command",
    "sign": "firmware.installer.build_command",
    "inspect": "firmware.installer.inspect_command",
    "keys": "firmware.installer.keys_command",
    "mass": "firmware.installer.mass_command",
}
"""The module of each command of `wecall bundle`, in the order of the work."""

_FLEET_COMMANDS: Final[Mapping[str, str]] = {
    "ca": "firmware.installer.authority_commands",
    "collect": "fleet.collector.command",
    "publish": "fleet.publisher.command",
    "simulate": "fleet.simulator.command",
}
"""Likewise of `wecall fleet`; what stands in the package `fleet` needs the extra of that name."""


class LateGroup(click.Group):
    """A group whose commands are imported when they are asked for, and whose errors are told and not traced."""

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **settings: Any) -> None:
        """Set up.

        Args:
            *arguments: for click.
            modules: by the name of each command the module that has it under that name, with an underscore for each
                hyphen.
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
        try:
            command = getattr(import_module(module), cmd_name.replace("-", "_"))
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"`{ctx.command_path} {cmd_name}` needs the package {error.name}, which is not installed. Install what "
                f"this command needs: pip install 'wecall-handset[{module.partition('.')[0]}]'"
            ) from error
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
