"""Recordings of calls: listen to them, keep them, delete them."""

from collections.abc import Callable, Sequence

from firmware.base.words import Text, word
from firmware.phone.answering_machine import count_messages
from firmware.phone.key import Key
from firmware.phone.menu.choices import BACK, Choice, Choices, opening
from firmware.phone.menu.copying import copying
from firmware.phone.menu.long_list import LongList
from firmware.phone.menu.question import Question, carry_out
from firmware.phone.menu_stack import PageNews, Quiet
from firmware.phone.menu_views import MenuRow, NoticeView, SoftKeys
from firmware.phone.phrases import UNKNOWN_CALLER
from firmware.phone.recording import Playback
from firmware.phone.request import Failed, Stretch
from firmware.phone.requests.recordings import (
    DeleteRecording,
    KeepRecording,
    ListRecordings,
    PausePlaying,
    PlaybackProgressed,
    PlayRecording,
    RecordingRow,
    RecordingsChanged,
    RecordingsListed,
    ResumePlaying,
    SeekRecording,
    StopPlaying,
)
from firmware.phone.requests.rights import CopyRecording
from firmware.phone.state import PhoneState

RECORDINGS = word("Recordings")
NO_RECORDINGS = word("No recordings")
SEEK_S = 10.0

_SECONDS_A_MINUTE = 60
_BYTES_A_MEGABYTE = 1_000_000
_KEPT_FOR = ((word("1 month"), 30), (word("1 year"), 365), (word("For good"), 0))


class RecordingList(LongList[RecordingRow]):
    """Every recording, newest first."""

    def __init__(self, title: Text = RECORDINGS, empty: Text = NO_RECORDINGS) -> None:
        super().__init__(title, empty)
        self._used: Text = ""

    def request(self, first: int, limit: int) -> ListRecordings:
        """Read recordings."""
        return ListRecordings(first, limit)

    def show(self, state: PhoneState, answer: Stretch[RecordingRow] | Failed) -> None:
        """Show recordings, and know how much room all of them take."""
        super().show(state, answer)
        if isinstance(answer, RecordingsListed):
            self._used = _used(answer.size_bytes, answer.limit_bytes)

    def hear(self, state: PhoneState, news: PageNews) -> None:
        """Read again what has changed."""
        if isinstance(news, RecordingsChanged):
            self.open(state)

    def row(self, item: RecordingRow) -> MenuRow:
        """Show who and when, and whether it has its end."""
        at = item.at if item.complete or item.running else word("Cut off, {at}", at=item.at)
        return MenuRow(_party(item), detail=at)

    def choose(self, state: PhoneState, item: RecordingRow) -> None:
        """Show what can be done about it."""
        state.menu.push(state, RecordingPage(item, lambda: self._items, lambda: self._used))


def recordings_page(_state: PhoneState) -> RecordingList:
    """Make the page with the recordings."""
    return RecordingList()


class RecordingPage(Choices):
    """What can be done about a recording, and what is known of it."""

    def __init__(
        self,
        recording: RecordingRow,
        known: Callable[[], Sequence[RecordingRow]],
        used: Callable[[], Text] = lambda: "",
    ) -> None:
        """Make the page.

        Args:
            recording: which one.
            known: returns those of the page before, as they were read last.
            used: says how much room all recordings take; nothing where that is not known.
        """
        super().__init__(_party(recording), self._rows)
        self._recording = recording
        self._known = known
        self._used = used

    def _rows(self, _state: PhoneState) -> list[Choice]:
        now = {row.recording_id: row for row in self._known()}
        recording = self._recording = now.get(self._recording.recording_id, self._recording)
        facts = [
            Choice(word("Recorded"), value=recording.at),
            Choice(word("Length"), value=clock(recording.duration_s)),
            *([] if recording.complete or recording.running else [Choice(word("Cut off"))]),
            *([Choice(word("All recordings"), value=used)] if (used := self._used()) else []),
        ]
        if recording.running:
            return facts
        return [
            Choice(word("Listen"), opening(lambda _state: Player(recording))),
            Choice(word("Keep"), opening(self._keep_page), _kept(recording)),
            Choice(word("Export"), copying(word("Export"), CopyRecording(recording.recording_id))),
            Choice(word("Delete"), opening(self._ask_to_delete)),
            *facts,
        ]

    def _keep_page(self, _state: PhoneState) -> "KeepPage":
        return KeepPage(self._recording)

    def _ask_to_delete(self, _state: PhoneState) -> Question:
        return Question(_party(self._recording), word("Delete this recording?"), word("Delete"), self._delete)

    def _delete(self, state: PhoneState) -> None:
        carry_out(state, DeleteRecording(self._recording.recording_id), _changed)
        state.menu.drop(state, self)


class KeepPage(Choices):
    """For how long a recording is kept from making room."""

    def __init__(self, recording: RecordingRow) -> None:
        super().__init__(word("Keep"), lambda _state: self._rows())
        self._recording_id = recording.recording_id

    def _rows(self) -> list[Choice]:
        lengths = [
            Choice(words, lambda state, days=days: self._keep(state, keep=True, days=days))  # type: ignore[misc]
            for words, days in _KEPT_FOR
        ]
        return [*lengths, Choice(word("Not kept"), lambda state: self._keep(state, keep=False))]

    def _keep(self, state: PhoneState, *, keep: bool, days: int = 0) -> None:
        carry_out(state, KeepRecording(self._recording_id, keep, days), _changed)
        state.menu.drop(state, self)


class Player(Quiet):
    """Plays a recording where the handset is lifted or the loudspeaker on; see `modes.menu`."""

    listens = True

    def __init__(self, recording: RecordingRow) -> None:
        self._recording = recording
        self._at_s = 0.0
        self._playback: Playback | None = None
        self._why: Text = ""

    def open(self, state: PhoneState) -> None:
        """Have it ready to be heard, from where it was left."""
        if self._playback in {None, Playback.STOPPED}:
            self._play(state, self._at_s)

    def press(self, state: PhoneState, key: Key) -> None:
        """Pause and go on by OK, back and forward by 4 and 6."""
        match key:
            case Key.OK if self._playback is Playback.PLAYING:
                state.emit(PausePlaying())
            case Key.OK if self._playback is Playback.PAUSED:
                state.emit(ResumePlaying())
            case Key.OK:
                self._play(state, 0.0)
            case Key.DIGIT_4:
                state.emit(SeekRecording(-SEEK_S))
            case Key.DIGIT_6:
                state.emit(SeekRecording(SEEK_S))

    def hear(self, _state: PhoneState, news: PageNews) -> None:
        """Know how far it has come."""
        match news:
            case PlaybackProgressed(self._recording.recording_id, at_s, _, playback):
                self._at_s = 0.0 if playback is Playback.OVER else at_s
                self._playback = playback

    def view(self, state: PhoneState) -> NoticeView:
        """Show how far it has come, and what OK does."""
        whole_s = self._recording.duration_s
        at_s = whole_s if self._playback is Playback.OVER else self._at_s
        percent = round(100 * min(1.0, at_s / whole_s)) if whole_s else 100
        # Who it was can be read on the page before, and may not be on a phone that is locked.
        return NoticeView(word("Recording"), self._words(state, at_s), percent, SoftKeys(BACK, self._ok))

    def _words(self, state: PhoneState, at_s: float) -> Text:
        if self._why:
            return self._why
        time = f"{clock(at_s)} / {clock(self._recording.duration_s)}"
        if self._playback is Playback.DAMAGED:
            return word("The rest cannot be read.")
        if not state.engaged:
            return word("Lift the handset to listen.")
        return word("Paused {time}", time=time) if self._playback is Playback.PAUSED else time

    @property
    def _ok(self) -> Text:
        match self._playback:
            case Playback.PLAYING:
                return word("Pause")
            case Playback.PAUSED:
                return word("Go on")
            case _:
                return word("Replay")

    def _play(self, state: PhoneState, from_s: float) -> None:
        self._why = ""
        self._playback = Playback.PLAYING
        state.plays = True
        state.ask(PlayRecording(self._recording.recording_id, from_s), self._say_why_not, page=self)

    def _say_why_not(self, state: PhoneState, answer: Failed | None) -> None:
        if answer is not None:
            self._why = answer.words
        elif state.features.messages_here:
            count_messages(state)


def keep_playing_for_listeners_alone(state: PhoneState) -> None:
    """Give up what is played once its page is not in front any more: nobody is to hear it beside something else."""
    if state.plays and not isinstance(state.listening_page, Player):
        state.plays = False
        state.emit(StopPlaying())


def _changed(_answer: None) -> RecordingsChanged:
    return RecordingsChanged()


def _party(recording: RecordingRow) -> Text:
    return recording.name or recording.number or UNKNOWN_CALLER


def _kept(recording: RecordingRow) -> Text:
    if not recording.kept:
        return ""
    return word("until {day}", day=recording.kept_until) if recording.kept_until else word("for good")


def _used(size_bytes: int, limit_bytes: int) -> Text:
    used, limit = (f"{round(count / _BYTES_A_MEGABYTE)}" for count in (size_bytes, limit_bytes))
    return word("{used} of {limit} MB", used=used, limit=limit)


def clock(duration_s: float) -> str:
    """Write a duration as minutes and seconds."""
    minutes, seconds = divmod(round(duration_s), _SECONDS_A_MINUTE)
    return f"{minutes}:{seconds:02}"
