"""Groups of commands that are imported when they are asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NoReturn

import click

_INSTALL: Final = "pip install 'wecall-handset[fleet]'"


class _NotInstalled(click.Command):
    """A command whose packages are missing: it is listed with the others, and says what it needs once it is run."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, short_help=f"Not installed here: {_INSTALL}")
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
            if not module.startswith("fleet."):
                raise
            return _NotInstalled(
                cmd_name,
                f"`{ctx.command_path} {cmd_name}` needs the package {error.name}, which is not installed. Install what "
                f"this command needs: {_INSTALL}",
            )
        if not isinstance(command, click.Command):
            raise TypeError(f"{module} has no command {cmd_name}.")
        return command
