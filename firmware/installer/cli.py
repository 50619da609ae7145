"""`wecall bundle`, `fleet`, `release`: what installers and operators do at a laptop, with the base distribution alone.

Each command stands in a module of its own: a laptop has no need of what others need.
"""

from collections.abc import Mapping
from typing import Any, Final

import click

from firmware.base.late_group import LateGroup
from provisioning.errors import ProvisioningError

_BUNDLE_COMMANDS: Final[Mapping[str, str]] = {
    "init": "firmware.installer.init_command",
    "pbx": "firmware.installer.pbx_command",
    "check": "firmware.installer.check_command",
    "seal": "firmware.installer.seal_command",
    "build": "firmware.installer.build_command",
    "sign": "firmware.installer.build_command",
    "inspect": "firmware.installer.inspect_command",
    "keys": "firmware.installer.inspect_command",
    "mass": "firmware.installer.mass_command",
    "unseal": "firmware.installer.unseal_command",
    "serve": "firmware.installer.serve_command",
    # The words of reports are the handset's own.
    "reports": "firmware.cli.reports",
}
"""The module of each command of `wecall bundle`, in the order of the work."""

_FLEET_COMMANDS: Final[Mapping[str, str]] = {
    "ca": "firmware.installer.authority_commands",
    "set-up": "fleet.set_up.command",
    "collect": "fleet.collector.command",
    "check": "fleet.check.command",
    "move-database": "fleet.collector.move_command",
    "publish": "fleet.publisher.command",
    "simulate": "fleet.simulator.command",
}
"""Likewise of `wecall fleet`; what stands in the package `fleet` needs the extra of that name."""

_RELEASE_COMMANDS: Final[Mapping[str, str]] = {
    "keys": "firmware.installer.release_commands",
    "announce": "firmware.installer.release_commands",
}
"""Likewise of `wecall release`."""


class TellingGroup(click.Group):
    """A group whose errors are told and not traced."""

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


class DeskGroup(TellingGroup, LateGroup):
    """A group of the commands at a desk."""


@click.group(cls=DeskGroup, modules=_BUNDLE_COMMANDS)
def bundle() -> None:
    """Set handsets up by a signed file, on a stick or from afar."""


@click.group(cls=DeskGroup, modules=_FLEET_COMMANDS)
def fleet() -> None:
    """Look after many handsets."""


@click.group(cls=DeskGroup, modules=_RELEASE_COMMANDS)
def release() -> None:
    """Sign releases of this firmware, and announce them to phones."""
