from pathlib import Path
from unittest.mock import patch

import pytest

from firmware.base.errors import StorageError
from firmware.pictures.pixels import Pixels
from firmware.store import pictures as pictures_module
from firmware.store.pictures import FOLDER_NAME
from tests.lab.store import StoreLab

RED = Pixels(320, 240, b"\xff\0\0" * 320 * 240)


async def test_a_picture_is_read_back_as_it_was_kept_also_after_a_restart(lab: StoreLab) -> None:
    kept = await lab.pictures.add("Holiday", RED)
    await lab.restart()
    assert await lab.pictures.list() == (kept,)
    assert await lab.pictures.read(kept.picture) == RED


async def test_its_file_shows_nothing_of_it_and_neither_does_its_name(lab: StoreLab, tmp_path: Path) -> None:
    kept = await lab.pictures.add("Holiday", RED)
    [path] = (tmp_path / FOLDER_NAME).iterdir()
    assert b"\xff\0\0" * 4 not in path.read_bytes()
    assert path.name == kept.picture
    assert path.stat().st_mode & 0o777 == 0o600


async def test_one_that_was_removed_is_gone_and_so_is_its_key(lab: StoreLab, tmp_path: Path) -> None:
    kept = await lab.pictures.add("Holiday", RED)
    await lab.store.transact(
        lambda database: database.execute("INSERT INTO contacts (name, picture) VALUES ('Ada', ?)", kept.picture)
    )
    assert await lab.pictures.remove(kept.picture)
    assert await lab.pictures.read(kept.picture) is None
    assert not list((tmp_path / FOLDER_NAME).iterdir())
    assert (tmp_path / "store.db-wal").stat().st_size == 0, "the log still holds the page with the key"
    assert await lab.store.run(lambda database: database.query("SELECT picture FROM contacts")) == [("",)]
    assert not await lab.pictures.remove(kept.picture)


async def test_a_file_that_was_changed_cut_or_deleted_is_said(lab: StoreLab, tmp_path: Path) -> None:
    kept = await lab.pictures.add("Holiday", RED)
    [path] = (tmp_path / FOLDER_NAME).iterdir()
    content = path.read_bytes()
    for harm in (content[:-1], content[:1000] + bytes([content[1000] ^ 1]) + content[1001:], b""):
        path.write_bytes(harm)
        with pytest.raises(StorageError, match="add it again"):
            await lab.pictures.read(kept.picture)
    path.unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        await lab.pictures.read(kept.picture)


async def test_two_files_that_changed_places_are_found(lab: StoreLab, tmp_path: Path) -> None:
    one, other = await lab.pictures.add("One", RED), await lab.pictures.add("Other", RED)
    folder = tmp_path / FOLDER_NAME
    (folder / one.picture).rename(folder / "aside")
    (folder / other.picture).rename(folder / one.picture)
    with pytest.raises(StorageError, match="damaged"):
        await lab.pictures.read(one.picture)


async def test_too_many_are_not_kept(lab: StoreLab) -> None:
    with patch.object(pictures_module, "MAX_PICTURES", 1):
        await lab.pictures.add("One", RED)
        with pytest.raises(StorageError, match="as many as are kept"):
            await lab.pictures.add("Two", RED)


@pytest.mark.parametrize(("width_px", "height_px", "length"), [(321, 1, 963), (0, 0, 0), (2, 2, 11), (1, 241, 723)])
def test_pixels_fit_their_size_and_the_display(width_px: int, height_px: int, length: int) -> None:
    with pytest.raises(StorageError, match="at most 320 x 240"):
        Pixels(width_px, height_px, bytes(length))
