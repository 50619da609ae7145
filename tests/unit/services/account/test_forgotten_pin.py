"""A forgotten PIN: what orders a reset, and all that does not."""

import errno
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from contract.consent import Actor, Channel
from contract.results import OutcomeCode
from firmware.base.errors import StorageError
from firmware.phone.requests.handset import AskForReset, ResetAsked
from firmware.services.account.factory_reset import MARKER_NAME, REQUEST_NAME, Resetting, begin_reset, finish_reset
from firmware.services.account.forgotten_pin import ForgottenPin, Handset, end_request
from firmware.services.operator.inbound import AnswersAndResets
from provisioning.signed import sign
from provisioning.trust import Kind, TrustedKey
from tests.lab.documents import DEVICE, FLEET, Operator
from tests.lab.store import StoreLab

SERIAL = "10000000e3e3e3e3"
OTHER = "10000000e3e3e3e4"


class Phone:
    """A handset whose PIN nobody knows."""

    def __init__(self, folder: Path, operator: Operator, keys: tuple[TrustedKey, ...] | None = None) -> None:
        self.folder = folder
        self.operator = operator
        self.has_guardian = False
        self.starts = 0
        self.now_s = operator.at.timestamp() + 60
        handset = Handset(FLEET, DEVICE, SERIAL, (operator.trusted,) if keys is None else keys)
        resetting = Resetting(folder, None, self._start_anew)
        self.forgotten = ForgottenPin(
            folder, handset, resetting, self._guarded, wall_s=lambda: self.now_s, is_synced=lambda: True
        )

    def _start_anew(self) -> None:
        self.starts += 1

    async def _guarded(self) -> bool:
        return self.has_guardian

    async def ask(self) -> int:
        asked = await self.forgotten.handlers[AskForReset](AskForReset())
        assert isinstance(asked, ResetAsked)
        assert asked.serial == SERIAL
        return int(asked.number)

    async def take(self, document: bytes) -> OutcomeCode:
        return await self.forgotten.take(document, Channel.STICK)

    @property
    def is_erasing(self) -> bool:
        return (self.folder / MARKER_NAME).exists()


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def phone(tmp_path: Path, operator: Operator) -> Phone:
    return Phone(tmp_path, operator)


@pytest.mark.feature("forgotten PIN")
async def test_what_the_operator_signed_for_the_number_on_the_display_begins_the_reset_once(
    phone: Phone, operator: Operator
) -> None:
    number = await phone.ask()
    assert number == await phone.ask(), "asked again it is the same request"
    document = operator.reset(number, SERIAL)
    assert await phone.take(document) is OutcomeCode.TAKEN
    assert (phone.is_erasing, phone.starts) == (True, 1)
    assert await phone.take(document) is OutcomeCode.UNKNOWN_REQUEST
    assert phone.starts == 1
    assert finish_reset(phone.folder)
    assert await phone.ask() != number, "the next holder's request is another one"
    assert await phone.take(document) is OutcomeCode.UNKNOWN_REQUEST


Make = Callable[[Operator, int], bytes]
REFUSED: dict[str, tuple[Make, OutcomeCode]] = {
    "another number": (lambda o, number: o.reset(10**11 + (number + 1) % 10**11, SERIAL), OutcomeCode.UNKNOWN_REQUEST),
    "another serial": (lambda o, number: o.reset(number, OTHER), OutcomeCode.WRONG_SCOPE),
    "another device": (lambda o, number: o.reset(number, SERIAL, device="handset-8"), OutcomeCode.WRONG_SCOPE),
    "two devices": (
        lambda o, number: o.reset(number, SERIAL, devices=(DEVICE, "handset-8")),
        OutcomeCode.WRONG_SCOPE,
    ),
    "all devices": (lambda o, number: o.reset(number, SERIAL, devices=()), OutcomeCode.WRONG_SCOPE),
    "another fleet": (lambda o, number: o.reset(number, SERIAL, fleet="other"), OutcomeCode.WRONG_SCOPE),
    "over": (
        lambda o, number: o.reset(
            number, SERIAL, issued_at=o.at - timedelta(days=2), not_after=o.at - timedelta(days=1)
        ),
        OutcomeCode.EXPIRED,
    ),
    "from the future": (
        lambda o, number: o.reset(
            number, SERIAL, issued_at=o.at + timedelta(days=20), not_after=o.at + timedelta(days=30)
        ),
        OutcomeCode.NOT_YET_VALID,
    ),
    "changed": (lambda o, number: o.reset(number, SERIAL) + b" ", OutcomeCode.FORGED),
    "another kind": (
        lambda o, number: sign(
            Kind.ANSWER, o.statement(1, {"serial": SERIAL, "request": number}, devices=(DEVICE,)), o.key
        ),
        OutcomeCode.WRONG_KIND,
    ),
    "no number": (
        lambda o, _number: sign(Kind.RESET, o.statement(1, {"serial": SERIAL}, devices=(DEVICE,)), o.key),
        OutcomeCode.UNREADABLE,
    ),
    "cut short": (lambda o, number: o.reset(number, SERIAL)[:40], OutcomeCode.UNREADABLE),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_everything_else_erases_nothing(phone: Phone, operator: Operator, name: str) -> None:
    make, refusal = REFUSED[name]
    assert await phone.take(make(operator, await phone.ask())) is refusal
    assert (phone.is_erasing, phone.starts) == (False, 0)


async def test_nobody_resets_a_phone_that_has_not_asked(phone: Phone, operator: Operator) -> None:
    assert await phone.take(operator.reset(123456789012, SERIAL)) is OutcomeCode.UNKNOWN_REQUEST
    (phone.folder / REQUEST_NAME).write_text("")
    assert await phone.take(operator.reset(123456789012, SERIAL)) is OutcomeCode.UNKNOWN_REQUEST
    assert not phone.is_erasing


async def test_a_key_that_may_sign_answers_alone_resets_nothing(tmp_path: Path, operator: Operator) -> None:
    key = operator.trusted.model_copy(update={"signs": frozenset({Kind.ANSWER, Kind.BUNDLE})})
    phone = Phone(tmp_path, operator, (key,))
    assert await phone.take(operator.reset(await phone.ask(), SERIAL)) is OutcomeCode.UNKNOWN_KEY


async def test_under_14_no_document_does_what_is_the_guardians(phone: Phone, operator: Operator) -> None:
    phone.has_guardian = True
    assert await phone.take(operator.reset(await phone.ask(), SERIAL)) is OutcomeCode.NOT_GRANTED
    assert not phone.is_erasing


async def test_a_card_that_cannot_be_written_keeps_everything_and_the_request(
    phone: Phone, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await phone.ask()

    async def fail(_resetting: Resetting, _actor: Actor, _channel: Channel) -> None:
        raise StorageError("The card is full.")

    with monkeypatch.context() as patch:
        patch.setattr(Resetting, "begin", fail)
        assert await phone.take(operator.reset(number, SERIAL)) is OutcomeCode.FAILED
    assert await phone.take(operator.reset(number, SERIAL)) is OutcomeCode.TAKEN


async def test_a_reset_takes_the_request_along(phone: Phone) -> None:
    await phone.ask()
    begin_reset(phone.folder)
    finish_reset(phone.folder)
    assert not (phone.folder / REQUEST_NAME).exists()


async def test_whoever_types_the_right_pin_after_all_needs_no_reset_any_more(
    phone: Phone, operator: Operator, tmp_path: Path, quick_pins: None
) -> None:
    lab = StoreLab(tmp_path)
    await lab.start()
    await lab.pin.set("258013")
    lab.pin.when_right = partial(end_request, phone.folder)
    number = await phone.ask()
    assert not (await lab.pin.check("258014")).accepted
    assert await phone.ask() == number, "a wrong PIN ends no request"
    assert (await lab.pin.check("258013")).accepted
    assert await phone.take(operator.reset(number, SERIAL)) is OutcomeCode.UNKNOWN_REQUEST
    assert not phone.is_erasing
    await lab.stop()


async def test_a_request_that_cannot_be_deleted_keeps_nobody_out(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await phone.ask()

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", fail)
    end_request(phone.folder)
    assert "cannot be deleted: Read-only file system. Check the card." in caplog.text


class Answers:
    """Takes answers."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def take(self, document: bytes) -> OutcomeCode:
        self.taken.append(document)
        return OutcomeCode.TAKEN


async def test_over_the_network_it_comes_as_answers_do_and_each_goes_to_whom_it_is_for(
    phone: Phone, operator: Operator
) -> None:
    answers = Answers()
    both = AnswersAndResets(answers, phone.forgotten.over(Channel.NETWORK))
    answer = operator.answer(1, 1, 1)
    assert await both.take(answer) is OutcomeCode.TAKEN
    assert await both.take(b"rubbish") is OutcomeCode.TAKEN
    assert answers.taken == [answer, b"rubbish"]
    assert await both.take(operator.reset(await phone.ask(), SERIAL)) is OutcomeCode.TAKEN
    assert phone.is_erasing
