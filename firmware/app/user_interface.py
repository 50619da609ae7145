"""What a person has of the phone's state: painted on the display, said aloud, told on the simulator's page.

The `display` thread draws the latest page and shows it; pages that came in between are never drawn.

An account of it, line by line, is for the person who tries the simulator. It may hold numbers and names: it goes to the
simulator's own page (drivers/simulator/messages.py) and nowhere else; where the phone has no such page none is made.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Final

from contract.calls import CallDirection
from firmware.app.devices import Devices
from firmware.base.heartbeats import Heartbeat
from firmware.display.artist import Artist
from firmware.display.pages.calls import text_of
from firmware.display.speech import Narrator
from firmware.display.spoken import about_nobody, lines_of, spoken
from firmware.display.translation import Language, translator
from firmware.phone.call import CallState
from firmware.phone.view import CallView, PhoneView
from firmware.pictures.pixels import Pixels
from firmware.ports.devices import Display
from firmware.ports.voice import Voice
from firmware.services.picture_cache import PictureCache

_log = logging.getLogger(__name__)

_IDLE_BEAT_S = 5.0
_REFRESH_EVERY_S = 60.0
_TURN_S = 2.0
"""So long a part of a row is read that is longer than the display."""

_WAITING_HERE: Final = frozenset({CallState.INCOMING, CallState.WAITING})


class Painter:
    """Keeps slow drawing and slow panels away from the main thread."""

    def __init__(
        self,
        display: Display,
        heartbeat: Heartbeat,
        on_failure: Callable[[str], None],
        *,
        refresh_every_s: float = _REFRESH_EVERY_S,
        turn_s: float = _TURN_S,
    ) -> None:
        """Start nothing yet.

        Args:
            display: what to paint on.
            heartbeat: called whenever the thread has shown progress.
            on_failure: called on the display thread, once for each time that the panel stops working.
            refresh_every_s: how often the panel is healed, at moments when nothing is to be painted.
            turn_s: after so long the next part of a page that has several is shown.
        """
        self._display = display
        self._heartbeat = heartbeat
        self._on_failure = on_failure
        self._condition = threading.Condition()
        self._draw: Callable[[int], bytes] | None = None
        self._turning: Iterator[bytes] | None = None
        self._turn_s = turn_s
        self._brightness_percent: int | None = None
        self._stopping = False
        self._failing = self._has_shown = False
        self._refresh_every_s = refresh_every_s
        self._refreshed_s = self._shown_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def start(self) -> None:
        """Begin to paint."""
        self._thread.start()

    @property
    def works(self) -> bool:
        """Whether the panel has taken its last frame."""
        return self._has_shown and not self._failing

    def stop(self) -> None:
        """Paint what is due and end."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join(timeout=2)

    def paint(self, draw: Callable[[int], bytes]) -> None:
        """Show what `draw` returns, on the display thread, unless a later call overtakes it.

        It is called with how often the page has been turned over, as long as that makes another frame of it.
        """
        with self._condition:
            self._draw = draw
            self._condition.notify()

    def set_brightness(self, percent: int) -> None:
        """Dim the display, on the display thread, to the latest percentage; see `Display.set_brightness`."""
        with self._condition:
            self._brightness_percent = percent
            self._condition.notify()

    def _run(self) -> None:
        try:
            self._display.start()
        except OSError as error:
            self._fail(error)
        while True:
            with self._condition:
                if self._has_nothing_to_do:
                    turn_s = _IDLE_BEAT_S if self._turning is None else self._turn_s
                    self._condition.wait(min(_IDLE_BEAT_S, self._refresh_every_s, turn_s))
                is_idle = self._has_nothing_to_do
                draw, self._draw = self._draw, None
                percent, self._brightness_percent = self._brightness_percent, None
                stopping = self._stopping
            self._heartbeat()
            if is_idle and time.monotonic() - self._refreshed_s >= self._refresh_every_s:
                self._attempt(self._display.refresh)
                self._refreshed_s = time.monotonic()
            if draw is not None:
                self._turning = _frames(draw)
                self._attempt(self._show_next)
            elif is_idle and self._turning is not None and time.monotonic() - self._shown_s >= self._turn_s:
                self._attempt(self._show_next)
            # After the page, so that a display that wakes does not show the one from before it slept.
            if percent is not None:
                self._attempt(lambda: self._display.set_brightness(percent))  # noqa: B023 - called at once
            if stopping and draw is None:
                break
        try:
            self._display.stop()
        except OSError as error:
            _log.debug("The display could not be switched off: %s", error)

    def _show_next(self) -> None:
        """Show the next part of the page."""
        self._shown_s = time.monotonic()
        frame = next(self._turning, None) if self._turning is not None else None
        if frame is None:
            self._turning = None
        else:
            self._display.show(frame)
            self._has_shown = True

    @property
    def _has_nothing_to_do(self) -> bool:
        return self._draw is None and self._brightness_percent is None and not self._stopping

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            self._fail(error)
        else:
            self._failing = False

    def _fail(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            self._on_failure(str(error))


def _frames(draw: Callable[[int], bytes]) -> Iterator[bytes]:
    """Draw a page turn by turn, until a turn changes nothing."""
    shown = b""
    for turn in count():
        if (frame := draw(turn)) == shown:
            return
        yield (shown := frame)


def changes(before: PhoneView | None, now: PhoneView) -> tuple[str, ...]:
    """Say what has happened between two states of the phone, in order; `before` is None at the beginning."""
    return tuple(_changes(before, now))


def _changes(before: PhoneView | None, now: PhoneView) -> Iterator[str]:
    if before is None or before.off_hook != now.off_hook:
        yield "The handset was lifted." if now.off_hook else "The handset lies in its cradle."
    if before is None or before.registration != now.registration:
        yield f"Line: {_plain(now.registration)}."
    yield from _call_changes(before.call if before else None, now.call)
    known = {call.party for call in (*before.other_calls, before.call) if call is not None} if before else set()
    for call in now.other_calls:
        if call.state in _WAITING_HERE and call.party not in known:
            yield f"{_who(call)} calls, and waits."
    if before is not None and before.microphone_open != now.microphone_open:
        yield "The microphone is open." if now.microphone_open else "The microphone is shut."
    if before is not None and before.muted != now.muted:
        yield "The microphone is muted." if now.muted else "The microphone is no longer muted."
    if before is not None and before.mode != now.mode:
        yield f"Mode: {_plain(now.mode)}."
    title = _title(now)
    if title and title != (_title(before) if before else ""):
        yield f"Page: {title}."
    if before is not None and before.unread_messages < now.unread_messages:
        yield "A text message came."


def _call_changes(before: CallView | None, now: CallView | None) -> Iterator[str]:
    if now is None:
        if before is not None and before.state is not CallState.DISCONNECTED:
            yield f"The call with {_who(before)} is over."
        return
    if before is None or (before.party, before.direction) != (now.party, now.direction):
        yield f"Calling {_who(now)}." if now.direction is CallDirection.OUTGOING else f"{_who(now)} calls."
        state = CallState.DIALING if now.direction is CallDirection.OUTGOING else CallState.INCOMING
    else:
        state = before.state
    if state == now.state:
        return
    if now.state is CallState.ACTIVE:
        if state is CallState.HELD:
            yield f"The call with {_who(now)} goes on."
        else:
            yield f"{_who(now)} answered." if now.direction is CallDirection.OUTGOING else f"Answered {_who(now)}."
    elif now.state is CallState.HELD:
        yield f"{_who(now)} is on hold."
    elif now.state is CallState.ALERTING:
        yield f"It rings at {_who(now)}."
    elif now.state is CallState.DISCONNECTED:
        why = f": {_plain(now.reason)}" if now.reason is not None else ""
        yield f"The call with {_who(now)} ended after {now.duration_s} s{why}."


def _who(call: CallView) -> str:
    return call.contact_name or call.party.display_name or call.party.number or "Somebody"


def _plain(state: str) -> str:
    return state.replace("_", " ")


def _title(view: PhoneView) -> str:
    return translator(Language.ENGLISH).say(view.menu.title) if view.menu is not None else ""


class UserInterface:
    """Shows each view of the phone, in its language and for its display. Every method belongs to the main thread.

    Attributes:
        family: the display's, as `families.FAMILIES` names it.
    """

    def __init__(
        self,
        devices: Devices,
        voice: Voice,
        *,
        family: str,
        language: str,
        view: Callable[[], PhoneView],
        show: Callable[[PhoneView], None],
        load_picture: Callable[[str], Awaitable[Pixels | None]],
        when_language_changed: Callable[[str], None],
        heartbeat: Heartbeat,
        on_failure: Callable[[str], None],
    ) -> None:
        """Start nothing yet; in the main loop.

        Args:
            devices: the display, and the page where there is one.
            voice: says what the display shows.
            family: the display's.
            language: the configuration's; the holder's own choice comes before it.
            view: what the phone's state is now.
            show: has a view shown by everybody who shows it, this one among them.
            load_picture: reads a picture from the store.
            when_language_changed: told which language is shown from now on, on a thread of its own.
            heartbeat: called whenever the display's thread makes progress.
            on_failure: told, on that thread, why the display does not work.
        """
        loop = asyncio.get_running_loop()
        self.family = family
        self._language = self._spoken_language = language
        self._voice, self._page = voice, devices.page
        self._view = view
        self._show = show
        self._when_language_changed = when_language_changed
        self._told: PhoneView | None = None
        self._was_asked_aloud = False
        self._pictures = PictureCache(load_picture, self.show_again, loop)
        self._artist = Artist(language, self._pictures)
        self._painter = Painter(devices.display, heartbeat, on_failure)
        self._narrator = Narrator(partial(self._play_from_thread, loop))

    def start(self) -> None:
        """Begin to paint."""
        self._painter.start()

    def stop(self) -> None:
        """Paint what is due, say no more, and end."""
        self._painter.stop()
        self._narrator.stop()

    @property
    def language(self) -> str:
        """The one that is shown now, "en" or "zh"."""
        return self._view().look.language or self._language

    @property
    def display_works(self) -> bool:
        """Whether the display has taken its last frame."""
        return self._painter.works

    @property
    def speech_fault(self) -> str:
        """Why nothing can be said, a sentence; empty where it can."""
        return self._narrator.fault

    def show(self, view: PhoneView) -> None:
        """Show a view in every way that there is."""
        clock_text = time.strftime("%H:%M")
        family = self.family
        self._painter.paint(lambda turn: self._artist.draw(view, family, clock_text, turn))
        self._speak(view, clock_text)
        self._tell_page(view, clock_text)

    def show_again(self) -> None:
        """Have what the phone's state is now shown anew."""
        self._show(self._view())

    def forget_pictures(self) -> None:
        """Load anew whatever picture is shown from now on."""
        self._pictures.forget()

    def show_new_pictures(self) -> None:
        """Show what has come in, or no longer what has gone."""
        self.forget_pictures()
        self.show_again()

    def set_brightness(self, percent: int) -> None:
        """Dim the display; see `Display.set_brightness`."""
        self._painter.set_brightness(percent)

    def change_family(self, family: str) -> None:
        """Draw for another display from now on."""
        self.family = family
        self.show_again()

    def lines(self) -> tuple[str, ...]:
        """Return what the display says, as far as it is nobody's business but the handset's."""
        view = about_nobody(self._view())
        return lines_of(self._artist.page(view, self.family, time.strftime("%H:%M")))

    def _tell_page(self, view: PhoneView, clock_text: str) -> None:
        """Put what the display shows, and what the phone did, into words on the simulator's page."""
        if self._page is None:
            return
        said = spoken(self._artist.page(view, self.family, clock_text), None)
        self._page.describe(said, is_writing=text_of(view) is not None)
        for line in changes(self._told, view):
            self._page.note(line)
        self._told = view

    def _speak(self, view: PhoneView, clock_text: str) -> None:
        """Say what is new on the display, or all that is on it, where that is wanted, in its language."""
        language = view.look.language or self._language
        if language != self._spoken_language:
            self._spoken_language = language
            asyncio.get_running_loop().run_in_executor(None, self._when_language_changed, language)
        is_asked_anew = view.asked_aloud and not self._was_asked_aloud
        self._was_asked_aloud = view.asked_aloud
        if is_asked_anew:
            self._narrator.show_whole(self._artist.page(view, self.family, clock_text), language)
        elif view.spoken:
            self._narrator.show(self._artist.page(view, self.family, ""), language)
        elif not view.asked_aloud:
            self._narrator.rest()

    def _play_from_thread(self, loop: asyncio.AbstractEventLoop, sound: bytes) -> None:
        with suppress(RuntimeError):
            # The main loop is closed: nobody is to hear anything any more.
            loop.call_soon_threadsafe(self._play, sound)

    def _play(self, sound: bytes) -> None:
        view = self._view()
        if view.spoken or view.asked_aloud:
            self._voice.play(sound, in_ear=view.off_hook or view.speaker, beside_call=view.asked_aloud)


def status_words(view: PhoneView) -> str:
    """Describe the phone for `systemctl status`: words only, nobody's number."""
    line = view.registration.replace("_", " ")
    if view.registration_failure is not None:
        line += f" ({view.registration_failure.replace('_', ' ')})"
    problems = "".join(f"; {problem.replace('_', ' ')}" for problem, _ in view.problems)
    return f"{view.mode.replace('_', ' ')}; line {line}{problems}"
