"""Pages said aloud by espeak-ng, which needs no network: for whoever does not see the display.

What to say is worked out on the main thread; a thread of its own waits for the program. The words go to it on its
standard input, never on its command line, where every process could read somebody's name.
"""

import audioop
import logging
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

from firmware.base.errors import MediaError
from firmware.display.model import Page
from firmware.display.spoken import is_said, spoken, spoken_whole
from firmware.display.translation import Language
from firmware.ports.sound import SOUND_RATE_HZ

_log = logging.getLogger(__name__)

_PROGRAM = "espeak-ng"
_WORDS_A_MINUTE = "165"
_UTF_8 = "1"
_PATIENCE_S = 10.0
# Where the canonical header of a WAV file (RIFF) has the sample rate; espeak-ng cannot know the lengths yet.
_RATE_AT = slice(24, 28)
# CJK ideographs: the English voice would say "Chinese letter" for each, the Chinese one reads both scripts.
_IDEOGRAPHS = ("\u3400", "\u9fff")


@dataclass(frozen=True, slots=True, eq=False)
class _Utterance:
    """Compared by identity: the same words may be wanted again."""

    text: str
    voice: str


def sentence_sound(text: str, language: str, program: str = _PROGRAM) -> bytes:
    """Return how a sentence sounds at SOUND_RATE_HZ; takes some ten milliseconds.

    Raises:
        MediaError: there is nothing that says it.
    """
    try:
        said = subprocess.run(  # noqa: S603 - fixed words; the sentence goes to its input
            _command(program, _voice_for(text, language)),
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MediaError(f"Nothing can be said: {program} failed ({type(error).__name__}); install it.") from error
    sound = _samples_of(said.stdout)
    if said.returncode or not sound:
        raise MediaError(f"Nothing can be said: {program} ended with code {said.returncode} and no sound.")
    return sound


class Narrator:
    """Says what is new on each page; newer words cut off older ones. Every method belongs to the main thread."""

    def __init__(self, play: Callable[[bytes], None], program: str = _PROGRAM) -> None:
        """Start nothing yet.

        Args:
            play: takes what is to be heard, at SOUND_RATE_HZ, on the narrator's thread.
            program: espeak-ng, or what is like it.
        """
        self._play = play
        self._program = program
        self._page: Page | None = None
        self._changed = threading.Condition()
        self._wanted: _Utterance | None = None
        self._begun: _Utterance | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._failure = ""

    @property
    def fault(self) -> str:
        """Why nothing can be said, a sentence; empty where it can."""
        if shutil.which(self._program) is None:
            return f"Menus cannot be spoken: {self._program} is not installed."
        return self._failure

    def show(self, page: Page, language: str) -> None:
        """Say what is new on a page; `language` is "en" or "zh"."""
        self._take(page, spoken(page, self._page, Language(language)), language)

    def show_whole(self, page: Page, language: str) -> None:
        """Say all of a page, for somebody who asks for it."""
        self._take(page, spoken_whole(page, Language(language)), language)

    def _take(self, page: Page, text: str, language: str) -> None:
        if is_said(page):
            self._page = page
        if text:
            self._say(_Utterance(text, _voice_for(text, language)))

    def rest(self) -> None:
        """Say no more, and begin anew with the next page; what already sounds is for others to silence."""
        self._page = None
        self._say(None)

    def stop(self) -> None:
        """End the thread and what runs in it."""
        if self._thread is None:
            return
        self._stopping = True
        self._say(None)
        self._thread.join(5)
        self._thread = None

    def _say(self, utterance: _Utterance | None) -> None:
        if utterance is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="narrator", daemon=True)
            self._thread.start()
        with self._changed:
            self._wanted = utterance
            if self._child is not None:
                self._child.kill()
            self._changed.notify()

    # --- the narrator's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (utterance := self._next()) is not None:
            if sound := self._sound_of(utterance):
                self._play(sound)

    def _next(self) -> _Utterance | None:
        """Wait for something to say that has not been said; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._wanted not in {None, self._begun})
            self._begun = self._wanted
        return None if self._stopping else self._begun

    def _sound_of(self, utterance: _Utterance) -> bytes:
        """Return how an utterance sounds; nothing where newer words came meanwhile, or where it failed."""
        try:
            with self._changed:
                if self._wanted is not utterance:
                    return b""
                child = self._child = subprocess.Popen(  # noqa: S603 - fixed words; what was typed goes to its input
                    _command(self._program, utterance.voice),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            try:
                wave, _ = child.communicate(utterance.text.encode(), _PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()
                raise
        except FileNotFoundError:
            self._fail(self.fault)
            return b""
        except (OSError, subprocess.TimeoutExpired) as error:
            self._fail(f"Menus cannot be spoken: {self._program} failed ({type(error).__name__}).")
            return b""
        finally:
            with self._changed:
                self._child = None
        if self._wanted is not utterance:
            return b""
        if child.returncode:
            self._fail(f"Menus cannot be spoken: {self._program} ended with code {child.returncode}.")
            return b""
        self._failure = ""
        return _samples_of(wave)

    def _fail(self, sentence: str) -> None:
        if sentence != self._failure:
            self._failure = sentence
            _log.warning("%s", sentence)


def _command(program: str, voice: str) -> list[str]:
    return [program, "-v", voice, "-s", _WORDS_A_MINUTE, "-b", _UTF_8, "--stdin", "--stdout"]


def _voice_for(text: str, language: str) -> str:
    first, last = _IDEOGRAPHS
    return "cmn" if language == "zh" or any(first <= letter <= last for letter in text) else "en"


def _samples_of(wave: bytes) -> bytes:
    """Return a WAV file's 16-bit mono sound at SOUND_RATE_HZ."""
    header, _, sound = wave.partition(b"data")
    rate_hz = int.from_bytes(header[_RATE_AT], "little")
    samples = sound[4 : 4 + len(sound[4:]) // 2 * 2]
    if not rate_hz or not samples:
        return b""
    converted, _ = audioop.ratecv(samples, 2, 1, rate_hz, SOUND_RATE_HZ, None)
    return converted
