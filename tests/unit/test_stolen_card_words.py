import pytest

from firmware.app.admin.handset import AdminRole
from firmware.base.words import Word
from firmware.configuration.loading import LoadedConfiguration
from firmware.control.admin_requests import DoctorRequest, StatusRequest
from firmware.phone.call import RegistrationState
from firmware.phone.news import RegistrationChanged
from firmware.phone.pin import Guard
from firmware.phone.requests.handset import FactsKind, ReadFacts
from firmware.services.doctor.findings import STOLEN_CARD, Condition, examine
from firmware.services.facts import FactsErrands
from firmware.settings.phone import Identity
from tests.unit.phone.office import office

NOBODY: frozenset[Guard] = frozenset()
BY_PIN = frozenset({Guard.PIN})
PIN_TYPED = "the holder's PIN is typed on the phone"


def condition(guards: frozenset[Guard] | None, *, waits_for: str = "", fault: str | None = None) -> Condition:
    return Condition(
        LoadedConfiguration(None, ()),
        RegistrationChanged(RegistrationState.REGISTERED),
        store_fault=fault,
        store_opens_when=waits_for,
        guards=guards,
    )


def test_the_doctor_says_that_a_card_without_a_guard_can_be_read_and_what_to_do() -> None:
    [finding] = [finding for finding in examine(condition(NOBODY)) if finding.part == STOLEN_CARD]
    assert finding.ok, "it is for the holder to choose"
    assert "Whoever takes the memory card can read everything" in finding.detail
    assert "Whoever takes the whole phone" in finding.detail
    assert "PIN at start" in finding.advice


@pytest.mark.parametrize(
    ("guard", "words", "phone"),
    [
        (Guard.PIN, "the holder's PIN", "opens to whoever knows the PIN or has the time to try all of them"),
        (Guard.BOARD, "this Raspberry Pi's own key", "Whoever takes the whole phone can read everything"),
        (Guard.TPM, "security chip", "Whoever takes the whole phone can read everything"),
    ],
)
def test_the_doctor_says_what_a_guard_is_good_for_and_what_not(guard: Guard, words: str, phone: str) -> None:
    [finding] = [finding for finding in examine(condition(frozenset({guard}))) if finding.part == STOLEN_CARD]
    assert "cannot be read" in finding.detail
    assert words in finding.detail
    assert phone in finding.detail
    assert not finding.advice


def test_of_a_handset_without_a_store_nothing_is_promised() -> None:
    assert not [finding for finding in examine(condition(None)) if finding.part == STOLEN_CARD]


def test_a_store_that_waits_for_the_pin_is_no_fault() -> None:
    [finding] = [finding for finding in examine(condition(BY_PIN, waits_for=PIN_TYPED)) if finding.part == "store"]
    assert finding.ok
    assert "until the holder's PIN is typed" in finding.detail


@pytest.mark.parametrize(
    ("now", "store", "card"),
    [
        (condition(NOBODY), "open", "can read everything"),
        (
            condition(BY_PIN, waits_for=PIN_TYPED),
            "closed until the holder's PIN is typed on the phone",
            "cannot be read",
        ),
        (condition(None, fault="The disk is full."), "cannot be used", ""),
    ],
)
async def test_the_status_says_it_too(now: Condition, store: str, card: str) -> None:
    async def ask() -> Condition:
        return now

    role = AdminRole(
        view=lambda: office().view, page_lines=tuple, condition=ask, own_condition=ask, call_log=lambda: None
    )
    status = await role.handlers["status"](StatusRequest())
    assert status.store == store  # type: ignore[attr-defined]
    assert card in status.stolen_card  # type: ignore[attr-defined]
    assert await role.handlers["doctor"](DoctorRequest())


@pytest.mark.parametrize(("guards", "words"), [(NOBODY, "can be read"), (BY_PIN, "can't be read")])
async def test_the_display_says_it_among_the_diagnostics(
    tmp_path: object, guards: frozenset[Guard], words: str
) -> None:
    async def ask() -> Condition:
        return condition(guards)

    errands = FactsErrands(Identity(), tmp_path, ask)  # type: ignore[arg-type]
    read = await errands.handlers[ReadFacts](ReadFacts(FactsKind.DIAGNOSTICS))
    assert isinstance(read, tuple)
    assert read[-1] == (Word("A stolen card"), Word(words))
