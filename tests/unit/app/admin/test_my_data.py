"""Who gets a copy of the holder's data by the command line."""

from collections.abc import Callable, Mapping

import pytest

from contract.consent import Actor
from firmware.app.admin.my_data import CopyParts, MyDataRole
from firmware.base.errors import ControlError
from firmware.control.admin_requests import ContactExportRequest, MyDataExportRequest
from firmware.services.exports import Export, Exports
from tests.lab.store import StoreLab

pytestmark = pytest.mark.usefixtures("quick_pins")


class Copies:
    """Writes an empty one."""

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    async def write(self, _passphrase: str, _progress: Callable[[int], None]) -> Mapping[str, Export]:
        return {"copy.tar.age": self._exports.begin()}


async def export(lab: StoreLab, pin: str) -> None:
    exports = Exports(lab.path.parent)
    pins = {Actor.HOLDER: lab.pin, Actor.GUARDIAN: lab.guardian_pin}
    parts = CopyParts(pins, lab.requests, Copies(exports), exports, None)  # type: ignore[arg-type]
    try:
        await MyDataRole(lambda: parts).handlers["my_data_export"](MyDataExportRequest(pin=pin))
        assert [name for name, _ in exports.listed()] == ["copy.tar.age"]
    finally:
        exports.drop()


async def note_contacts(lab: StoreLab, pin: str) -> None:
    pins = {Actor.HOLDER: lab.pin, Actor.GUARDIAN: lab.guardian_pin}
    parts = CopyParts(pins, lab.requests, None, None, None)  # type: ignore[arg-type]
    await MyDataRole(lambda: parts).handlers["contact_export"](ContactExportRequest(pin=pin))


async def actions(lab: StoreLab) -> list[tuple[str, str | None]]:
    return [(entry.action.value, entry.actor) for entry in await lab.consents.entries()]


async def test_without_a_pin_there_is_no_copy(lab: StoreLab) -> None:
    with pytest.raises(ControlError, match="Set one"):
        await export(lab, "")


async def test_the_holders_pin_gets_a_copy_and_a_wrong_one_stands_in_the_ledger(lab: StoreLab) -> None:
    await lab.pin.set("4711")
    with pytest.raises(ControlError, match="not the holder's PIN"):
        await export(lab, "4712")
    await export(lab, "4711")
    assert await actions(lab) == [("check_failed", "holder"), ("export", "holder")]


async def test_a_copy_that_was_being_made_when_something_was_erased_has_to_be_ordered_again(lab: StoreLab) -> None:
    await lab.pin.set("4711")
    await lab.add_contact("Anna", ["1001"])
    exports = Exports(lab.path.parent)
    lab.store.when_erased = exports.drop

    class CopiesMeanwhile(Copies):
        async def write(self, passphrase: str, progress: Callable[[int], None]) -> Mapping[str, Export]:
            await lab.contacts.remove(1)
            return await super().write(passphrase, progress)

    parts = CopyParts(
        {Actor.HOLDER: lab.pin},
        lab.requests,
        CopiesMeanwhile(exports),  # type: ignore[arg-type]
        exports,
        None,  # type: ignore[arg-type]
    )
    with pytest.raises(ControlError, match="Order it again"):
        await MyDataRole(lambda: parts).handlers["my_data_export"](MyDataExportRequest(pin="4711"))
    assert list(exports.listed()) == []


async def test_where_a_guardian_answers_a_copy_takes_the_guardians_pin_and_not_the_holders(lab: StoreLab) -> None:
    await lab.pin.set("4711")
    await lab.guardian_pin.set("8020")
    with pytest.raises(ControlError, match="not the guardian's PIN"):
        await export(lab, "4711")
    await export(lab, "8020")
    assert await actions(lab) == [("check_failed", "guardian"), ("export", "guardian")]


async def test_contacts_leave_by_the_pin_of_who_answers_and_that_stands_in_the_ledger(lab: StoreLab) -> None:
    with pytest.raises(ControlError, match="Set one"):
        await note_contacts(lab, "")
    await lab.pin.set("4711")
    await note_contacts(lab, "4711")
    await lab.guardian_pin.set("8020")
    with pytest.raises(ControlError, match="not the guardian's PIN"):
        await note_contacts(lab, "4711")
    assert await actions(lab) == [("export", "holder"), ("check_failed", "guardian")]


async def test_tries_while_a_wait_runs_stand_in_no_ledger(lab: StoreLab) -> None:
    await lab.pin.set("4711")
    for _ in range(3):
        with pytest.raises(ControlError, match="not the holder's PIN"):
            await export(lab, "4712")
    for pin in ("4712", "4711"):
        with pytest.raises(ControlError, match="looked at in 10 s"):
            await export(lab, pin)
    assert await actions(lab) == [("check_failed", "holder")] * 3
