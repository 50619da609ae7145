from pathlib import Path

import pytest

from firmware.app.admin.store_key import KeyRole, KeyRotated
from firmware.base.errors import ControlError
from firmware.control.admin_requests import KeyRotateRequest
from tests.lab.guarded_store import GuardedStore


async def test_the_key_is_changed_on_request_and_nothing_about_it_is_told(tmp_path: Path) -> None:
    lab = GuardedStore(tmp_path)
    await lab.start()
    before = lab.store.key
    role = KeyRole(lambda: lambda: lab.keyring.rotate(lab.store))
    assert await role.handlers["key_rotate"](KeyRotateRequest()) == KeyRotated()
    assert lab.store.key != before
    assert not KeyRotated.__struct_fields__
    await lab.stop()


async def test_without_a_store_there_is_no_key_to_change() -> None:
    with pytest.raises(ControlError, match="doctor"):
        await KeyRole(lambda: None).handlers["key_rotate"](KeyRotateRequest())
