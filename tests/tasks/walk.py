"""Somebody with a phone, whose keys, pages and seconds are counted; the page of the tasks says by which model."""

from dataclasses import dataclass, replace
from typing import Final

from contract.calls import CallDirection, DisconnectReason
from firmware.base.pinyin.table import pinyin
from firmware.display.pages import page_for
from firmware.display.spoken import lines_of
from firmware.phone.call import CallId
from firmware.phone.commands import Command
from firmware.phone.contact import Contact, ContactMatch, ContactNumber
from firmware.phone.events import AccountKnown, BlockedContactsLoaded, PreferencesLoaded
from firmware.phone.key import Key
from firmware.phone.menu_views import EntryView, NoticeView
from firmware.phone.orders import PlaceCall
from firmware.phone.preferences import Preferences
from firmware.phone.recording import RecordingId
from firmware.phone.request import Answered, Request, Stretch
from firmware.phone.requests.calls import CallKind, ListCalls, LoggedCall
from firmware.phone.requests.contacts import ListContacts, ReadContact, SaveContact, SearchContacts
from firmware.phone.requests.handset import AskForReset, ResetAsked
from firmware.phone.requests.people import FindPeople, PeopleFound, Person
from firmware.phone.requests.pin import PinChecked
from firmware.phone.requests.recordings import FindRecordings, ListRecordings, RecordingRow, RecordingsListed
from firmware.phone.requests.rights import ProveHolder
from firmware.store.policies import built_in_policy
from tests.unit.phone.desk import INCOMING
from tests.unit.phone.menus import open_page
from tests.unit.phone.new_phone import NewPhone

KEY_S: Final = 1.0
LETTERS_A_SECOND: Final = 15
CHARACTERS_A_SECOND: Final = 4
_FIRST_CHARACTER: Final = "\u2e80"
"""Where the letters of East Asia begin in Unicode."""

ANNA: Final = "2345"
VOICEMAIL: Final = "2500"
RESET_NUMBER: Final = "123456789012"
_ANNA: Final = Contact(1, "Anna", (ContactNumber(ANNA),))
_MISSED: Final = LoggedCall(
    CallId("c1"), CallDirection.INCOMING, ANNA, "Anna", "25 Nov 14:03", 0, False, None, contact_id=1
)
_FAILED: Final = replace(_MISSED, direction=CallDirection.OUTGOING, reason=DisconnectReason.BUSY)
_RECORDING: Final = RecordingRow(
    RecordingId("r1"), "Anna", ANNA, "25 Nov 14:03", 60.0, 240_000, complete=True, kept=False
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a task takes.

    Attributes:
        keys: keys pressed or held, and the handset lifted or put down.
        pages: different pages that come up on the way; the one that is there at the beginning is not counted.
        seconds: for the keys and for reading each page once, the one at the beginning too.
    """

    keys: int
    pages: int
    seconds: int


class Walk(NewPhone):
    """A phone with a contact (Anna), a call and a recording, whose keys are counted; its store answers at once."""

    read_to = 0
    language = "en"

    @classmethod
    def begin(cls, *, new: bool = False, language: str = "en") -> "Walk":
        """Stand before a phone that somebody has set up, or before one that nobody has."""
        walk = cls.of_office(
            activated=not new, language=language, chinese=pinyin, voicemail_number=VOICEMAIL, has_loudspeaker=True
        )
        assert isinstance(walk, cls)
        walk.language = language
        walk.store.paragraphs = getattr(built_in_policy().text, language)
        if not new:
            walk.handle(AccountKnown("a1"))
            walk.handle(PreferencesLoaded(Preferences(screen_off_s=0, speed_dials=(("2", ANNA),))))
            walk.handle(BlockedContactsLoaded(()))
        return walk.here()

    def here(self) -> "Walk":
        """Count from here on."""
        self.pressed: list[str] = []
        self.pages: dict[object, float] = {}
        self.settle()
        return self

    @property
    def cost(self) -> Cost:
        keys = len(self.pressed)
        return Cost(keys, len(self.pages) - 1, round(keys * KEY_S + sum(self.pages.values())))

    @property
    def shown_text(self) -> str:
        """What stands on the display, all of it."""
        return "\n".join(lines_of(page_for(self.view, self.language)))

    @property
    def placed(self) -> list[PlaceCall]:
        return self.said(PlaceCall)

    def press(self, *keys: Key | str) -> list[Command]:
        commands: list[Command] = []
        for key in keys:
            commands = self._counted(f"`{key.upper()}`", super().press(key))
        return commands

    def lift(self) -> list[Command]:
        return self._counted("lift", super().lift())

    def replace(self) -> list[Command]:
        return self._counted("put down", super().replace())

    def hold(self, key: Key) -> list[Command]:
        """Press a key and keep it down, which is one key."""
        super().press(key)
        return self._counted(f"`{key}` held", self.hold_down(key))

    def open(self, *rows: str) -> None:
        """Press MENU and choose row after row by what stands there: by its digit, or by moving to it."""
        open_page(self, *rows)

    def talk(self) -> "Walk":
        """Be called, and answer."""
        self.answered_incoming_call()
        self.audio(INCOMING)
        return self.here()

    def _counted(self, name: str, commands: list[Command]) -> list[Command]:
        self.pressed.append(name)
        self.settle()
        return commands

    def settle(self) -> None:
        """Have the store answer what it was asked, and read what is shown then."""
        self.answer()
        while self.read_to < len(self.all_commands):
            command = self.all_commands[self.read_to]
            self.read_to += 1
            if isinstance(command, Request) and (answer := _answer_to(command)) is not None:
                self.handle(Answered(command, answer))
                self.answer()
        view = self.view
        menu = view.menu or view.question
        if isinstance(menu, EntryView) and menu.text:
            # What is typed is no new page.
            return
        match menu:
            case None:
                call = view.call
                name: tuple[object, ...] = (
                    view.mode,
                    view.hint,
                    bool(view.matches),
                    view.recording is not None,
                    len(view.other_calls),
                    call and (call.state, call.party.number, call.in_conference),
                )
            case EntryView(title=title, note=note):
                name = (title, note)
            case NoticeView(title=title, text=text):
                name = (title, text)
            case _:
                name = (type(menu), menu.title)
        self.pages.setdefault(name, _reading_s(self.shown_text))


def _reading_s(text: str) -> float:
    """Return how long somebody reads it: spaces and signs take no time of their own."""
    letters = [letter for letter in text if letter.isalnum()]
    characters = sum(letter >= _FIRST_CHARACTER for letter in letters)
    return (len(letters) - characters) / LETTERS_A_SECOND + characters / CHARACTERS_A_SECOND


def _answer_to(request: Request[object]) -> object:  # noqa: C901 - a case for each request
    match request:
        case ListCalls(kind, first):
            return Stretch(first, 1, (_MISSED if kind is CallKind.MISSED else _FAILED,))
        case ListContacts(first):
            return Stretch(first, 1, (ContactMatch(1, "Anna", ANNA),))
        case SearchContacts():
            return (ContactMatch(1, "Anna", ANNA),)
        case ReadContact():
            return _ANNA
        case SaveContact(contact):
            return replace(contact, contact_id=2)
        case FindPeople():
            return PeopleFound((Person(1, "Anna", ANNA),))
        case ListRecordings(first):
            return RecordingsListed(first, 1, (_RECORDING,), _RECORDING.size_bytes, 500_000_000)
        case FindRecordings():
            return (_RECORDING,)
        case AskForReset():
            return ResetAsked("100000005678ef01", RESET_NUMBER)
        case ProveHolder():
            return PinChecked(accepted=True)
        case _:
            return None
