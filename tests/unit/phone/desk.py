"""A telephone on a desk for tests: events by name, commands as a list, and the handset's whereabouts kept in step."""

from itertools import count
from typing import Any, TypeVar

from contract.calls import DisconnectReason
from firmware.phone.call import CallerId, CallId, CallState, RegistrationState
from firmware.phone.commands import Command, OpenCallRecord, ShowPage
from firmware.phone.dial_plan import DialPlan
from firmware.phone.events import Event, HandsetLifted, HandsetReplaced, KeyHeld, KeyPressed, Timer, TimerExpired
from firmware.phone.key import Key
from firmware.phone.menu_views import CardView, EntryView, ListView, NoticeView
from firmware.phone.news import CallAudioChanged, CallStateChanged, IncomingCallReceived, RegistrationChanged
from firmware.phone.orders import PlaceCall
from firmware.phone.phone import Phone
from firmware.phone.preferences import Preferences
from firmware.phone.request import Answered, Failed, Request
from firmware.phone.state import PhoneSettings
from firmware.phone.view import CallView, PhoneView

A = TypeVar("A")
C = TypeVar("C", bound=Command)
R = TypeVar("R", bound=Request[Any])

CALLER = CallerId("02012345678", "Anna")
INCOMING = CallId("in")


def settings(*digit_map: str, country: str = "DE", **more: object) -> PhoneSettings:
    """Make a phone's settings; its display stays lit, so that a test hears of light only where it asks for it."""
    plan = DialPlan.build(country=country, domain="example.com", digit_map=digit_map or ("x.T",))
    more.setdefault("preferences", Preferences(screen_off_s=0))
    return PhoneSettings(plan, **more)  # type: ignore[arg-type]


class Desk:
    """Plays the person, the clock and the SIP stack."""

    def __init__(self, phone_settings: PhoneSettings | None = None) -> None:
        ids = count(1)
        self.phone = Phone(phone_settings or settings(), lambda: CallId(f"out-{next(ids)}"))
        self.all_commands: list[Command] = self.phone.start()
        self._answered: list[Request[object]] = []
        self.handle(RegistrationChanged(RegistrationState.REGISTERED))

    @property
    def view(self) -> PhoneView:
        return self.phone.view

    def shown(self) -> PhoneView:
        """Return what is shown; of `view`, mypy takes what was asserted to hold for the rest of a test."""
        return self.view

    @property
    def call(self) -> CallView:
        assert self.view.call is not None
        return self.view.call

    @property
    def notice(self) -> NoticeView:
        assert isinstance(self.view.menu, NoticeView), self.view.menu
        return self.view.menu

    @property
    def entry(self) -> EntryView:
        assert isinstance(self.view.menu, EntryView), self.view.menu
        return self.view.menu

    @property
    def card(self) -> CardView:
        assert isinstance(self.view.menu, CardView), self.view.menu
        return self.view.menu

    @property
    def listing(self) -> ListView:
        assert isinstance(self.view.menu, ListView), self.view.menu
        return self.view.menu

    def handle(self, *events: Event) -> list[Command]:
        """Let things happen; return the last one's commands."""
        return [self._handle(event) for event in events][-1]

    def _handle(self, event: Event) -> list[Command]:
        commands = self.phone.handle(event)
        self.all_commands += commands
        return commands

    def reply(self, kind: type[Request[A]], answer: A | Failed) -> list[Command]:
        """Answer what was asked of one kind and is not answered yet; return the commands after the last of it."""
        waiting = self.waiting(kind)
        assert waiting, f"nobody waits for {kind.__name__}"
        self._answered += waiting
        return [self.handle(Answered(request, answer)) for request in waiting][-1]

    def waiting(self, kind: type[R]) -> list[R]:
        """Return what was asked of one kind and is not answered yet."""
        done = {id(request) for request in self._answered}
        return [command for command in self.said(kind) if id(command) not in done]

    def lift(self) -> list[Command]:
        return self.handle(HandsetLifted())

    def replace(self) -> list[Command]:
        return self.handle(HandsetReplaced())

    def press(self, *keys: Key | str) -> list[Command]:
        """Press one key after the other; return the last one's commands."""
        return self.handle(*(KeyPressed(Key(key)) for key in keys))

    def hold_down(self, key: Key | str) -> list[Command]:
        return self.handle(KeyHeld(Key(key)))

    def dial(self, digits: str, *then: Key) -> list[Command]:
        """Press one key after the other, and others then; return the last one's commands."""
        return self.press(*digits, *then) if digits else []

    def expire(self, timer: Timer) -> list[Command]:
        return self.handle(TimerExpired(timer))

    def ring(self, call_id: CallId = INCOMING, caller: CallerId = CALLER, **more: Any) -> list[Command]:
        return self.handle(IncomingCallReceived(call_id, caller, **more))

    def sip(
        self, state: CallState, call_id: CallId, reason: DisconnectReason | None = None, code: int = 0
    ) -> list[Command]:
        return self.handle(CallStateChanged(call_id, state, reason, code))

    def audio(self, call_id: CallId, *, receiving: bool = True, sending: bool = True) -> list[Command]:
        return self.handle(CallAudioChanged(call_id, receiving, sending))

    def place_call(self, digits: str = "2345") -> CallId:
        self.lift()
        self.dial(digits)
        if not (placed := self.said(PlaceCall)):
            self.press("#")
            placed = self.said(PlaceCall)
        return placed[-1].call_id

    def answered_outgoing_call(self, digits: str = "2345") -> CallId:
        call_id = self.place_call(digits)
        self.sip(CallState.ALERTING, call_id)
        self.sip(CallState.ACTIVE, call_id)
        return call_id

    def answered_incoming_call(self) -> CallId:
        self.ring()
        self.lift()
        self.sip(CallState.ACTIVE, INCOMING)
        return INCOMING

    def said(self, kind: type[C]) -> list[C]:
        """All commands of one kind since the beginning."""
        return [command for command in self.all_commands if isinstance(command, kind)]

    def records(self) -> list[OpenCallRecord]:
        return self.said(OpenCallRecord)


def without_page(commands: list[Command]) -> list[Command]:
    return [command for command in commands if not isinstance(command, ShowPage)]
