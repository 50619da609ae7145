"""Asking the handset that runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import click

from firmware.base.errors import ControlError
from firmware.control import client
from firmware.control.requests import Request, Role


def ask(
    runtime_dir: Path, request: Request, *, file: BinaryIO | None = None, timeout_s: float = client.TIMEOUT_S
) -> Mapping[str, Any]:
    """Ask as the administrator.

    Args:
        runtime_dir: where the handset's sockets are.
        request: what is wanted of it.
        file: what goes beside it, where it takes a file.
        timeout_s: how long it may take.

    Raises:
        ClickException: there is no handset, or it refuses.
    """
    try:
        return client.ask(runtime_dir, Role.ADMIN, request, file=file, timeout_s=timeout_s)
    except ControlError as error:
        raise click.ClickException(str(error)) from error


def ask_pin(whose: str = "PIN of the holder, or of a guardian where there is one") -> str:
    """Have a PIN typed, and taken from nowhere else: a command line and an environment can be read by others."""
    return str(click.prompt(f"The {whose}", hide_input=True, err=True))
