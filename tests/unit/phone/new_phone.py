"""A phone that nobody has set up, with a small store behind it and somebody who answers its questions."""

from dataclasses import replace
from typing import Any

from contract.consent import Actor, Purpose
from firmware.phone.activation import AgeBand
from firmware.phone.call import CallId, CallState
from firmware.phone.events import SetUpLoaded
from firmware.phone.key import Key
from firmware.phone.menu_views import ListView
from firmware.phone.pin import PinSlot
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.request import Answered, Request
from firmware.phone.requests.activation import (
    CheckCode,
    CodeArrived,
    LeaveNumberUnproved,
    NumberProof,
    NumberProofRead,
    ReadNumberProof,
    RequestCode,
)
from firmware.phone.requests.consents import (
    Activate,
    ConsentRow,
    ConsentsChanged,
    ConsentsRead,
    ReadConsents,
    ReadReceipt,
    SetConsent,
    WithdrawOptional,
)
from firmware.phone.requests.pin import CheckPin, PinChanged, PinChecked, SetPin
from firmware.phone.requests.policies import PolicyRead, PolicyRow, PolicyShown, PolicyState, ReadPolicy
from firmware.privacy.catalogue import built_in
from tests.unit.phone.desk import Desk
from tests.unit.phone.menus import said
from tests.unit.phone.office import office

PIN = "2580"
GUARDIANS_PIN = "1379"
CODE = "482913"
BRIGHT = Preferences(screen_off_s=0)
TITLES = ("Language", "Your age", "PIN", "Policy", "Service", "Not set up")

PARAGRAPHS = ("We keep little.", "We sell nothing.", "You decide.", "All of it is long.")

_LATER = object()
"""What the small store knows no answer to, a test may answer."""


class Store:
    """Answers a desk as the handset's own store would, one after the other, when it is told to."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.answers: dict[Purpose, bool] = {}
        self.actors: dict[Purpose, Actor] = {}
        self.age_band = ""
        self.actor: Actor | None = None
        self.pins: dict[PinSlot, str] = {}
        self.policy = PolicyRow("2026-11", "2026-11-25", PolicyState.UNREAD)
        self.paragraphs: tuple[str, ...] = PARAGRAPHS
        self.proof = NumberProofRead(NumberProof.OPEN)
        self.unproved = False
        self.wrong_pin_wait_s = 0
        self._seen = len(desk.all_commands)

    def start(self, set_up: SetUp = SetUp.NEW) -> None:
        """Say what is in it, as at the start of the handset."""
        self.tell_consents()
        for slot in PinSlot:
            self.desk.handle(PinChanged(slot in self.pins, slot))
        self.desk.handle(SetUpLoaded(set_up))
        self.answer()

    def answer(self) -> None:
        """Answer all that was asked since the last time."""
        while self._seen < len(self.desk.all_commands):
            command = self.desk.all_commands[self._seen]
            self._seen += 1
            if isinstance(command, Request):
                self._answer(command)

    def tell_consents(self) -> None:
        granted = frozenset(purpose for purpose, yes in self.answers.items() if yes)
        declined = self.answers.get(Purpose.SERVICE) is False
        activated = bool(self.age_band) and not declined
        unasked = frozenset(Purpose) - self.answers.keys()
        self.desk.handle(ConsentsChanged(granted, activated, self.age_band, unasked=unasked))

    def _answer(self, request: Request[object]) -> None:
        handle = self.desk.handle
        answer = self._answer_to(request)
        if answer is not _LATER:
            handle(Answered(request, answer))
        if isinstance(request, RequestCode):
            handle(CodeArrived(f"Your code is {CODE}."))

    def _answer_to(self, request: Request[object]) -> object:  # noqa: C901, PLR0912 - a case for each request
        match request:
            case ReadConsents():
                return self.consents()
            case SetConsent(purpose, granted, actor):
                self.answers[purpose], self.actors[purpose] = granted, actor
                return self._change()
            case WithdrawOptional():
                self.actor = request.actor
                self.answers |= {purpose: False for purpose in self.answers if purpose is not Purpose.SERVICE}
                return self._change()
            case ReadReceipt(purpose):
                return f"receipt for {purpose}" if purpose in self.answers else ""
            case Activate(age_band, actor):
                self.age_band, self.actor = age_band, actor
                return self._change()
            case CheckPin(pin, slot):
                accepted = self.pins.get(slot, pin) == pin
                return PinChecked(accepted, 0 if accepted else self.wrong_pin_wait_s)
            case SetPin(pin, slot):
                self.pins = {**{other: self.pins[other] for other in self.pins if other is not slot}}
                self.pins |= {slot: pin} if pin else {}
                self.desk.handle(PinChanged(bool(pin), slot))
            case ReadPolicy():
                return PolicyRead(self.policy, self.paragraphs)
            case PolicyShown():
                self.policy = replace(self.policy, state=PolicyState.IN_FORCE)
                return PolicyRead(self.policy, self.paragraphs)
            case ReadNumberProof():
                return self.proof
            case RequestCode():
                self.proof = NumberProofRead(NumberProof.SENT, tries_left=5)
                return self.proof
            case CheckCode(code):
                left = self.proof.tries_left - 1
                if code == CODE:
                    self.proof = NumberProofRead(NumberProof.PROVED)
                elif left:
                    self.proof = NumberProofRead(NumberProof.WRONG, tries_left=left)
                else:
                    self.proof = NumberProofRead(NumberProof.WAIT, wait_s=61)
                return self.proof
            case LeaveNumberUnproved():
                self.unproved = True
            case _:
                return _LATER
        return None

    def _change(self) -> ConsentsRead:
        self.tell_consents()
        return self.consents()

    def consents(self) -> ConsentsRead:
        return ConsentsRead(tuple(map(self._row, Purpose)), private=not any(self.answers.values()))

    def _row(self, purpose: Purpose) -> ConsentRow:
        entry = built_in().entry(purpose)
        return ConsentRow(
            purpose,
            entry.name.in_language("en"),
            entry.covers.in_language("en"),
            entry.recipients.in_language("en"),
            granted=self.answers.get(purpose, False),
            needed=purpose is Purpose.SERVICE,
            since="25 Nov 2026" if purpose in self.answers else "",
            asked=purpose in self.answers,
        )


class NewPhone(Desk):
    """A desk whose phone is new; `press` has the store answer at once."""

    store: Store

    @classmethod
    def of_office(cls, *, activated: bool = False, age_band: AgeBand = AgeBand.ADULT, **more: object) -> "NewPhone":
        """Return a phone whose store has just said that nobody has set it up, or that somebody has."""
        desk = office(**{"preferences": BRIGHT} | more)
        phone = cls.__new__(cls)
        phone.__dict__ = desk.__dict__
        phone.store = Store(phone)
        if activated:
            phone.store.pins[PinSlot.HOLDER] = PIN
            phone.store.answers[Purpose.SERVICE] = True
            phone.store.age_band = age_band
            if age_band is AgeBand.UNDER_14:
                phone.store.pins[PinSlot.GUARDIAN] = GUARDIANS_PIN
        phone.store.start(SetUp.FIRST_RUN if activated else SetUp.NEW)
        return phone

    def talks(self, calls: int) -> None:
        """Answer so many calls, one after the other."""
        for number in range(calls):
            call_id = CallId(f"in-{number}")
            self.ring(call_id)
            self.lift()
            self.sip(CallState.ACTIVE, call_id)
            self.replace()
            self.sip(CallState.DISCONNECTED, call_id)

    def answer(self) -> None:
        self.store.answer()

    def ok(self) -> None:
        """Press OK, and have the store answer."""
        self.press(Key.OK)
        self.answer()

    @property
    def step(self) -> str:
        """What the present step is about."""
        return step_of(self)

    def type_pin(self, pin: str) -> None:
        self.dial(pin)
        self.ok()

    def set_pin(self, pin: str) -> None:
        """Set a PIN on the page that asks for one."""
        for _ in range(2):
            self.type_pin(pin)

    def set_guardians_pin(self) -> None:
        """Set a guardian's PIN where the step says that one is needed."""
        self.ok()
        self.set_pin(GUARDIANS_PIN)

    def say_yes(self) -> None:
        """Agree to the service, as the page asks that is shown."""
        assert self.step == "Service"
        self.press(Key.VOLUME_DOWN)
        self.ok()

    def go_on(self) -> None:
        """Do what the step asks for, with as few keys as possible: the service is declined."""
        step = self.step
        if step == "PIN" and PinSlot.HOLDER not in self.store.pins:
            self.set_pin(PIN)
        elif step == "PIN" and not self.phone._state.features.activation.holder_is_here:
            self.type_pin(PIN)
        elif step == "Guardian" and PinSlot.GUARDIAN not in self.store.pins:
            self.set_guardians_pin()
        elif step == "Service":
            self.press(Key.VOLUME_DOWN)
            self.press(Key.VOLUME_DOWN)
            self.ok()
        else:
            while (menu := self.view.menu) is not None and self.step == step:
                if isinstance(menu, ListView) and menu.selected is None:
                    # The oldest age, which has no guardian.
                    self.press(Key.VOLUME_UP)
                self.ok()


def title_of(desk: Desk) -> str:
    assert desk.view.menu is not None
    return said(desk.view.menu.title)


def step_of(desk: Desk) -> str:
    return title_of(desk).partition(" ")[2]


def at_step(title: str, **more: Any) -> NewPhone:
    """Return a new phone on which somebody has come to a step."""
    phone = NewPhone.of_office(**more)
    while phone.step != title:
        phone.go_on()
    return phone
