"""What a person has of the phone's state: painted on the display, said aloud, told on the simulator's page."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from firmware.app.devices import Devices
from firmware.base.heartbeat import Heartbeat
from firmware.display.artist import Artist
from firmware.display.chronicle import changes
from firmware.display.painter import Painter
from firmware.display.reading import about_nobody, lines_of
from firmware.display.speech import Narrator
from firmware.display.spoken import spoken
from firmware.phone.view import PhoneView
from firmware.pictures.pixels import Pixels
from firmware.ports.voice import Voice
from firmware.services.picture_cache import PictureCache


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
            show: has a view shown by everybody who shows it, this face among them.
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
    def speech_fault(self) -> str:
        """Why nothing can be said, a sentence; empty where it can."""
        return self._narrator.fault

    def show(self, view: PhoneView) -> None:
        """Show a view in every way that there is."""
        clock_text = time.strftime("%H:%M")
        family = self.family
        self._painter.paint(lambda: self._artist.draw(view, family, clock_text))
        self._speak(view)
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
        self._page.describe(spoken(self._artist.page(view, self.family, clock_text), None))
        for line in changes(self._told, view):
            self._page.note(line)
        self._told = view

    def _speak(self, view: PhoneView) -> None:
        """Say what is new on the display where that is wanted, in its language."""
        language = view.look.language or self._language
        if language != self._spoken_language:
            self._spoken_language = language
            asyncio.get_running_loop().run_in_executor(None, self._when_language_changed, language)
        if view.spoken:
            self._narrator.show(self._artist.page(view, self.family, ""), language)
        else:
            self._narrator.rest()

    def _play_from_thread(self, loop: asyncio.AbstractEventLoop, sound: bytes) -> None:
        with suppress(RuntimeError):
            # The main loop is closed: nobody is to hear anything any more.
            loop.call_soon_threadsafe(self._play, sound)

    def _play(self, sound: bytes) -> None:
        view = self._view()
        if view.spoken:
            self._voice.play(sound, in_ear=view.off_hook or view.speaker)
