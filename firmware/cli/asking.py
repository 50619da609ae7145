"""Asking the handset that runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from firmware.control.requests import Request


def ask(runtime_dir: Path, request: "Request", *, timeout_s: float | None = None) -> Mapping[str, Any]:
    """Ask as the administrator.

    Args:
        runtime_dir: where the handset's sockets are.
        request: what is wanted of it.
        timeout_s: how long it may take; None for as long as most things do.

    Raises:
        ClickException: there is no handset, or it refuses.
    """
    from firmware.base.errors import ControlError
    from firmware.control.client import ask as ask_role
    from firmware.control.requests import Role

    patience = {} if timeout_s is None else {"timeout_s": timeout_s}
    try:
        return ask_role(runtime_dir, Role.ADMIN, request, **patience)
    except ControlError as error:
        raise click.ClickException(str(error)) from error


def ask_pin() -> str:
    """Have the PIN typed, and taken from nowhere else: a command line and an environment can be read by others."""
    return str(click.prompt("The PIN of the holder, or of a guardian where there is one", hide_input=True, err=True))
