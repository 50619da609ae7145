"""Groups of commands that are imported when they are asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NoReturn

import click

OURS: Final = frozenset({"contract", "drivers", "firmware", "fleet", "mqtt", "provisioning"})
"""Packages that come with each installation; where one is not there, something is wrong that no other one mends."""

_FLEET: Final = "pip install 'wecall-handset[fleet]'"
_HANDSET: Final = "pip install 'wecall-handset[handset,sync]'"


def lacking(command: str, package: str, *, of_fleet: bool) -> str:
    """Say what a command lacks, and what brings it."""
    if of_fleet:
        return f"`{command}` needs the package {package}, which is not installed. Install what it needs: {_FLEET}"
    return (
        f"`{command}` needs the package {package}, which is not installed here. It is for the handset itself; for "
        f"another computer: {_HANDSET}"
    )


class _NotInstalled(click.Command):
    """A command whose packages are missing: it is listed with the others, and says what it needs once it is run."""

    def __init__(self, name: str, reason: str, *, of_fleet: bool) -> None:
        super().__init__(name, short_help=f"Not installed here: {_FLEET}" if of_fleet else "A handset's own.")
        self._reason = reason

    def make_context(self, *_arguments: Any, **_settings: Any) -> NoReturn:
        """Say so before options are looked at: nobody knows here which there are, --help among them."""
        raise click.ClickException(self._reason)


class LateGroup(click.Group):
    """A group whose commands stand in modules of their own, each imported when it is asked for.

    A phone's processes start with what they need and no more.
    """

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **settings: Any) -> None:
        """Set up.

        Args:
            *arguments: for click.
            modules: by the name of each command the module that has it under that name, with an underscore for each
                hyphen; where it has another name there, that follows a colon.
            **settings: for click.
        """
        super().__init__(*arguments, **settings)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._modules, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._modules[cmd_name].partition(":")
        try:
            command = getattr(import_module(module), name or cmd_name.replace("-", "_"))
        except ModuleNotFoundError as error:
            package, of_fleet = error.name or "", module.startswith("fleet.")
            # A phone's package comes without the package `fleet`.
            if package.partition(".")[0] in OURS and not of_fleet:
                raise
            reason = lacking(f"{ctx.command_path} {cmd_name}", package, of_fleet=of_fleet)
            return _NotInstalled(cmd_name, reason, of_fleet=of_fleet)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module} has no command {cmd_name}.")
        return command
