"""`wecall picture`."""

from pathlib import Path

import click

from firmware.base.errors import PictureError
from firmware.cli.asking import ask
from firmware.cli.consents import agree_to_imports
from firmware.cli.options import runtime_dir_option
from firmware.control.admin_requests import PictureAddRequest, PictureListRequest, PictureRemoveRequest
from firmware.control.open_files import sealed
from firmware.phone.contact import cleaned_name


@click.group()
def picture() -> None:
    """Add, list and remove pictures of contacts and backgrounds; they are kept encrypted."""


@picture.command(name="add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What to call it.  [default: the file's name]")
@click.option("--contact", default="", help="Whose picture it is: a contact's name or id.")
@runtime_dir_option
def add_picture(file: Path, name: str | None, contact: str, runtime_dir: Path) -> None:
    """Add the picture in FILE (PNG, JPEG, WebP or BMP), scaled to the display.

    It is decoded here, so that the handset never sees the file. Asks for the holder's consent to imports where it is
    missing.
    """
    from firmware.services.photos import read_picture  # a laptop has nothing that decodes them

    agree_to_imports(runtime_dir)
    try:
        pixels = read_picture(file)
    except PictureError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    kept_name = cleaned_name(name or file.stem[:60]) or file.suffix[1:]
    request = PictureAddRequest(name=kept_name, contact=contact, width_px=pixels.width_px, height_px=pixels.height_px)
    with sealed(pixels.rgb) as content:
        kept = ask(runtime_dir, request, file=content)
    click.echo(f"{kept['picture']}  {kept['name']}")


@picture.command(name="list")
@runtime_dir_option
def list_pictures(runtime_dir: Path) -> None:
    """List the pictures: what names each, and what it is called."""
    for kept in ask(runtime_dir, PictureListRequest())["pictures"]:
        click.echo(f"{kept['picture']}  {kept['name']}")


@picture.command(name="remove")
@click.argument("picture")
@runtime_dir_option
def remove_picture(picture: str, runtime_dir: Path) -> None:
    """Forget PICTURE, as `wecall picture list` names it."""
    try:
        request = PictureRemoveRequest(picture=picture)
    except ValueError:
        raise click.ClickException(f"{picture!r} names no picture. `wecall picture list` names them.") from None
    ask(runtime_dir, request)
    click.echo("The picture is gone.")
