"""The menus that are open, one over the other, and what a page of a menu is to the phone."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from contract.results import HardwarePart
from firmware.phone.key import Key
from firmware.phone.menu_views import MenuView
from firmware.phone.request import Progressed
from firmware.phone.requests.activation import CodeArrived
from firmware.phone.requests.calls import CallsDeleted
from firmware.phone.requests.consents import ConsentsRead
from firmware.phone.requests.contacts import ContactDeleted, ContactSaved
from firmware.phone.requests.recordings import PlaybackProgressed, RecordingsChanged

if TYPE_CHECKING:
    from firmware.phone.state import PhoneState

PageNews = (
    CallsDeleted
    | CodeArrived
    | ConsentsRead
    | ContactDeleted
    | ContactSaved
    | PlaybackProgressed
    | Progressed
    | RecordingsChanged
)
"""What every open page hears, whoever has caused it."""


class Screen(Protocol):
    """One page of a menu.

    It remembers what it shows and where the person is in it, asks for what it needs by `PhoneState.ask`.
    CANCEL, MENU and the handset are dealt with before it: see `modes.menu`.

    Attributes:
        listens: picking the phone up lets the person hear what the page plays, in place of dial tone.
        is_public: it is about the handset and about nobody: an administrator may read it from afar.
        tests: the part of the hardware that is tested on it, for which the phone lends its tone, its ring, its light
            or its microphone; with KEYS no key does what it is for. None where none is.
        written: the digits that stand on it as a number or a PIN; empty where digits do something else.
    """

    @property
    def listens(self) -> bool: ...

    @property
    def is_public(self) -> bool: ...

    @property
    def tests(self) -> HardwarePart | None: ...

    @property
    def written(self) -> str: ...

    def view(self, state: "PhoneState") -> MenuView:
        """Return what the display shows."""
        ...

    def open(self, state: "PhoneState") -> None:
        """Ask for what it needs: it has come to the top, for the first time or again."""
        ...

    def press(self, state: "PhoneState", key: Key) -> None:
        """Take a key that was pressed."""
        ...

    def repeat(self, state: "PhoneState", key: Key) -> None:
        """Take a key that repeats while it is held."""
        ...

    def hold(self, state: "PhoneState", key: Key) -> None:
        """Take a key that has been held for a while."""
        ...

    def pause(self, state: "PhoneState") -> None:
        """Hear that the time is over that a page, this one or one over it, asked for by Timer.INTER_DIGIT."""
        ...

    def cancel(self, state: "PhoneState") -> bool:
        """Take CANCEL; False leaves this page."""
        ...

    def unsaved(self, state: "PhoneState") -> bool:
        """Whether something would be lost that was written here, or on a page that it has opened."""
        ...

    def hear(self, state: "PhoneState", news: PageNews) -> None:
        """Hear of something that may change what it shows."""
        ...

    def holds(self, page: object) -> bool:
        """Whether this is a page, or shows it as a part of itself."""
        ...

    def number_to_call(self, state: "PhoneState") -> str:
        """Return whom lifting the handset calls, as dialled; empty for dial tone."""
        ...


class Quiet:
    """A page that does nothing about what it is not interested in; pages build on it."""

    listens = False
    is_public = False
    tests: HardwarePart | None = None

    @property
    def written(self) -> str:
        """Nothing: digits do something else here."""
        return ""

    def open(self, state: "PhoneState") -> None: ...

    def press(self, state: "PhoneState", key: Key) -> None: ...

    def repeat(self, state: "PhoneState", key: Key) -> None:
        """Do once more what pressing it does."""
        self.press(state, key)

    def hold(self, state: "PhoneState", key: Key) -> None: ...

    def pause(self, state: "PhoneState") -> None: ...

    def cancel(self, state: "PhoneState") -> bool:  # noqa: ARG002 - part of Screen
        """Let this page be left."""
        return False

    def unsaved(self, state: "PhoneState") -> bool:  # noqa: ARG002 - part of Screen
        """Lose nothing that anybody would miss."""
        return False

    def hear(self, state: "PhoneState", news: PageNews) -> None: ...

    def holds(self, page: object) -> bool:
        """Be no other page."""
        return page is self

    def number_to_call(self, state: "PhoneState") -> str:  # noqa: ARG002 - part of Screen
        """Call nobody."""
        return ""


@dataclass(slots=True)
class MenuStack:
    """The pages that are open, the one that is shown last."""

    screens: list[Screen] = field(default_factory=list)

    @property
    def top(self) -> Screen | None:
        """The page that is shown, None where no menu is open."""
        return self.screens[-1] if self.screens else None

    def push(self, state: "PhoneState", screen: Screen) -> None:
        """Show a page over the one that is shown."""
        self.screens.append(screen)
        screen.open(state)

    def replace(self, state: "PhoneState", screen: Screen) -> None:
        """Show a page in the place of the one that is shown."""
        self.screens.pop()
        self.push(state, screen)

    def pop(self, state: "PhoneState") -> None:
        """Go back to the page before; after the last one no menu is open."""
        self.screens.pop()
        if self.top is not None:
            self.top.open(state)

    def drop(self, state: "PhoneState", screen: Screen) -> None:
        """Take a page away that is done with, wherever it is: what it has opened meanwhile stays."""
        if screen is self.top:
            self.pop(state)
        elif screen in self.screens:
            self.screens.remove(screen)

    def back_to(self, screen: Screen) -> None:
        """Take every page away that was opened over one."""
        del self.screens[self.screens.index(screen) + 1 :]

    def close(self) -> None:
        """Close every page."""
        self.screens.clear()

    def view(self, state: "PhoneState") -> MenuView | None:
        """Return what the display shows, None where no menu is open."""
        return self.top.view(state) if self.top is not None else None

    def has(self, page: object) -> bool:
        """Whether a page is open, be it under others."""
        return any(screen.holds(page) for screen in self.screens)

    def tell(self, state: "PhoneState", news: PageNews) -> None:
        """Tell every open page of something."""
        for screen in tuple(self.screens):
            screen.hear(state, news)
