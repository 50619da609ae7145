"""The main loop's heart: every event enters here, goes through the Phone, and its commands go out to the adapters.

A key press becomes a call on this page: `post(KeyPressed)` → `Phone.handle` → `PlaceCall` → `Voice.order`.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from contract.calls import DisconnectReason
from firmware.base.errors import HandsetError
from firmware.phone import commands as c
from firmware.phone import orders as o
from firmware.phone.call import CallId, CallState
from firmware.phone.events import (
    AccountKnown,
    BlockedContactsLoaded,
    CallerNamed,
    Event,
    LastDialledLoaded,
    MessagesLoaded,
    MissedCallsCounted,
    NumberAttributed,
    PreferencesLoaded,
    RecordingAnnounced,
    RecordingEnded,
    SetUpLoaded,
    Timer,
    TimerExpired,
)
from firmware.phone.news import CallStateChanged, MessageSent
from firmware.phone.pin import PinSlot
from firmware.phone.recording import RecordingEnd, RecordingNotice
from firmware.phone.request import NO_MEMORY, Answered, Failed, Request
from firmware.phone.requests.pin import PinChanged
from firmware.phone.view import PhoneView
from firmware.ports.devices import Indicator, RingerLight
from firmware.ports.store import CallLog, Contacts, Messages, Pin, PreferenceStore, SetUpStore
from firmware.ports.voice import Voice

if TYPE_CHECKING:
    from firmware.ports.recording import Recorder, RecordingAnnouncer

_log = logging.getLogger(__name__)

# A store that does not answer may delay a call by this much and no more: calling comes before recording the call.
_RECORD_PATIENCE_S = 0.25
_MESSAGES_SHOWN = 50
_COMPLAINT_EVERY_S = 60.0


class Handler(Protocol):
    """What the bus needs of the Phone."""

    def start(self) -> list[c.Command]: ...
    def handle(self, event: Event) -> list[c.Command]: ...


class Records(Protocol):
    """What the bus needs of the store."""

    @property
    def call_log(self) -> CallLog: ...
    @property
    def contacts(self) -> Contacts: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def pin(self) -> Pin: ...
    @property
    def guardian_pin(self) -> Pin: ...
    @property
    def preferences(self) -> PreferenceStore: ...
    @property
    def set_up(self) -> SetUpStore: ...
    def note_error(self, error: HandsetError) -> None: ...
    def note_success(self) -> None: ...


class ErrandRunner(Protocol):
    """What the bus needs of whoever does what the phone asks for: it begins it, and the answer is posted."""

    def run(self, request: Request[object]) -> None: ...


class Bus:
    """Runs the Phone on the asyncio loop and carries out what it commands.

    `post` belongs to the main thread, `post_threadsafe` to all others. A command that fails is logged with its name and
    the rest goes on: a broken ringer must not keep a call from being placed.

    Attributes:
        errands: does what the phone asks for, and posts the answers; None where nothing does.
        recorder: keeps how calls sound; None where nothing does.
        takes_instead: takes an event that is not the phone's; False leaves it to the phone.
        announcer: lets a call hear that it is recorded; None where nothing does, and then none is.
        when_written: told of each call whose end is on the disk: nobody needs to remember it any more.
    """

    def __init__(
        self,
        phone: Handler,
        *,
        voice: Voice,
        indicator: Indicator,
        show: Callable[[PhoneView], None],
        has_line: bool = True,
        ringer_light: RingerLight | None = None,
        attribute: Callable[[str], str] | None = None,
        set_brightness: Callable[[int], None] | None = None,
        key_click: bytes = b"",
    ) -> None:
        """Set up.

        Args:
            phone: decides.
            voice: carries calls and sounds.
            indicator: blinks.
            show: takes what the display shows.
            has_line: there is an account to call with.
            ringer_light: shows that it rings, too.
            attribute: says where a number belongs, from the card and so on any thread; empty where that is unknown.
            set_brightness: takes the display's brightness in per cent.
            key_click: how a key sounds, at SOUND_RATE_HZ.
        """
        self._phone = phone
        self._voice = voice
        self._has_line = has_line
        self._ringer_light = ringer_light
        self._indicator = indicator
        self._show = show
        self._attribute = attribute
        self._set_brightness = set_brightness
        self._key_click = key_click
        self._records: Records | None = None
        self.errands: ErrandRunner | None = None
        self.recorder: Recorder | None = None
        self.takes_instead: Callable[[Event], bool] = lambda _event: False
        self.announcer: RecordingAnnouncer | None = None
        self.when_written: Callable[[CallId], None] = lambda _call_id: None
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: dict[CallId, asyncio.Task[None]] = {}
        self._unwritten: list[tuple[float, c.Command]] | None = []
        self._faults: dict[type[c.Command], str] = {}
        self._complained_s: dict[str, float] = {}
        self._line: asyncio.Queue[o.LineOrder] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line_worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take events, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._line_worker = self._loop.create_task(self._work_the_line(), name="line")

    def wake_phone(self) -> None:
        """Carry out what the phone wants before its first event, once the devices are started."""
        self._carry_out_all(self._phone.start())

    async def stop(self) -> None:
        """Forget the timers and wait for what the store still has to write."""
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
        if self._line_worker is not None:
            self._line_worker.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
        self._loop = None

    def post_threadsafe(self, event: Event) -> None:
        """Bring an event into the main loop from any thread; after stop() it is dropped."""
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self.post, event)
            except RuntimeError:
                _log.debug("An event came after the main loop had closed: %s", type(event).__name__)

    def post(self, event: Event) -> None:
        """Hand one event to the phone and carry out its commands, in order; some are for somebody else."""
        if self.takes_instead(event):
            return
        self._carry_out_all(self._phone.handle(event))

    def _carry_out_all(self, commands: list[c.Command]) -> None:
        for command in commands:
            try:
                self._carry_out(command)
            except (OSError, HandsetError) as error:
                # Said once: a line for each blink of a missing LED would bury the rest.
                if self._faults.get(type(command)) != str(error):
                    _log.warning("The command %s failed and the rest goes on: %s", type(command).__name__, error)
                self._faults[type(command)] = str(error)
            else:
                self._faults.pop(type(command), None)

    def _carry_out(self, command: c.Command) -> None:  # noqa: C901, PLR0912 - a case for each command
        match command:
            case _ if isinstance(command, o.LineOrder):
                self._line.put_nowait(command)
            case o.StartRinging() | o.StopRinging():
                self._voice.order(command)
                self._light_up(command)
            case _ if isinstance(command, o.SoundOrder):
                self._voice.order(command)
            case c.StartTimer(timer, delay_s):
                self._start_timer(timer, delay_s)
            case c.CancelTimer(timer):
                self._cancel_timer(timer)
            case c.ShowPage(view):
                self._show(view)
            case c.SetIndicator(pattern):
                self._indicator.show(pattern)
            case c.SetBrightness(percent):
                if self._set_brightness is not None:
                    self._set_brightness(percent)
            case c.Click(in_ear):
                self._voice.play(self._key_click, in_ear=in_ear)
            case c.StopSpeaking():
                self._voice.play(b"", in_ear=True, beside_call=True)
                self._voice.play(b"", in_ear=False)
            case c.StartRecording() | c.PauseRecording() | c.ResumeRecording() | c.StopRecording():
                self._tell_recorder(command)
            case c.AnnounceRecording(notice):
                self._announce(notice)
            case c.LookUpCaller(call_id, number):
                self._look_up(call_id, number)
            case (
                c.OpenCallRecord() | c.MarkCallAnswered() | c.CloseCallRecord() | c.KeepCallQuality()
                | c.KeepCallText() | c.MarkMissedCallsSeen() | c.SavePreferences() | c.SaveSetUp() | c.KeepMessage()
                | c.MarkMessagesRead() | c.DeleteMessage()
            ):  # fmt: skip
                if self._records is not None:
                    self._record(self._records, command)
                elif self._unwritten is not None:
                    self._unwritten.append((time.monotonic(), command))
            case Request():
                if self.errands is not None:
                    self.errands.run(command)
                elif self._loop is not None:
                    # Later: the phone is still at the event that made it ask.
                    self._loop.call_soon(self.post, Answered(command, Failed(NO_MEMORY)))
            case c.ReportImpossibleEvent(mode, event):
                self._complain(event, mode)
            case _:
                assert_never(command)

    def _complain(self, event: str, mode: str) -> None:
        """Log an event that cannot happen, now and then: whoever sends one may send thousands."""
        now_s = time.monotonic()
        if now_s - self._complained_s.get(event, -_COMPLAINT_EVERY_S) >= _COMPLAINT_EVERY_S:
            self._complained_s[event] = now_s
            _log.warning("The event %s cannot happen in mode %s; it was ignored", event, mode)

    # --- the line: SIP commands keep their order, and an INVITE waits for its record ---

    async def _work_the_line(self) -> None:
        while True:
            command = await self._line.get()
            if not self._has_line:
                if isinstance(command, o.PlaceCall):
                    self.post(CallStateChanged(command.call_id, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE))
                elif isinstance(command, o.SendMessage):
                    self.post(MessageSent(command.message_id, accepted=False))
                continue
            if isinstance(command, o.PlaceCall) and (opening := self._opening.get(command.call_id)) is not None:
                done, _ = await asyncio.wait({opening}, timeout=_RECORD_PATIENCE_S)
                if not done:
                    _log.warning("The store is slow; the call goes out before its record is written")
            self._voice.order(command)

    def _light_up(self, command: o.StartRinging | o.StopRinging) -> None:
        if self._ringer_light is None:
            return
        if isinstance(command, o.StartRinging):
            self._ringer_light.ring(command.pattern)
        else:
            self._ringer_light.silence()

    def _tell_recorder(
        self, command: c.StartRecording | c.PauseRecording | c.ResumeRecording | c.StopRecording
    ) -> None:
        recorder = self.recorder
        match command:
            case c.StartRecording(call_id, number, name, message):
                if recorder is not None:
                    recorder.begin(call_id, number, name, message=message)
                elif self._loop is not None:
                    # Not at once: the phone has not finished with the event that made it ask.
                    self._loop.call_soon(self.post, RecordingEnded(call_id, RecordingEnd.FAILED))
            case c.PauseRecording() if recorder is not None:
                recorder.pause()
            case c.ResumeRecording() if recorder is not None:
                recorder.resume()
            case c.StopRecording(reason) if recorder is not None:
                recorder.end(reason)

    def _announce(self, notice: RecordingNotice) -> None:
        if self.announcer is not None:
            self.announcer.announce(notice)
        elif notice in {RecordingNotice.BEGINNING, RecordingNotice.GREETING} and self._loop is not None:
            self._loop.call_soon(self.post, RecordingAnnounced(made=False))

    # --- timers ---

    def _start_timer(self, timer: Timer, delay_s: float) -> None:
        self._cancel_timer(timer)
        self._timers[timer] = asyncio.get_running_loop().call_later(delay_s, self._expire, timer)

    def _cancel_timer(self, timer: Timer) -> None:
        if (handle := self._timers.pop(timer, None)) is not None:
            handle.cancel()

    def _expire(self, timer: Timer) -> None:
        self._timers.pop(timer, None)
        self.post(TimerExpired(timer))

    # --- the store ---

    def write_to(self, records: Records | None) -> None:
        """Write calls down there from now on, also what has been done of them before; with None there is no store."""
        unwritten, self._unwritten = self._unwritten, None
        self._records = records
        if records is not None:
            for then_s, command in unwritten or ():
                self._record(records, _aged(command, time.monotonic() - then_s))

    def _record(self, records: Records, command: c.Command) -> None:  # noqa: C901 - one flat table: a case for each command
        match command:
            case c.OpenCallRecord():
                self._opening[command.call_id] = self._write(records, records.call_log.open_record(command))
            case c.MarkCallAnswered(call_id, answered_ago_s):
                self._write(records, records.call_log.mark_answered(call_id, answered_ago_s))
            case c.CloseCallRecord():
                self._opening.pop(command.call_id, None)
                self._write(records, self._close_record(records.call_log, command))
            case c.KeepCallQuality(call_id, quality):
                # It changes a row in place, or none: that works on a full disk too.
                self._write(records, records.call_log.keep_quality(call_id, quality), ends_faults=False)
            case c.KeepCallText(call_id, letters, ours):
                self._write(records, records.call_log.keep_text(call_id, letters, ours=ours))
            case c.MarkMissedCallsSeen():
                self._write(records, records.call_log.mark_missed_seen(), ends_faults=False)
            case c.SavePreferences(preferences):
                self._write(records, records.preferences.save(preferences))
            case c.SaveSetUp(set_up):
                self._write(records, records.set_up.save(set_up))
            case c.KeepMessage(message):
                self._write(records, self._change_messages(records.messages, records.messages.keep(message)))
            case c.MarkMessagesRead():
                self._write(records, self._change_messages(records.messages, records.messages.mark_read()))
            case c.DeleteMessage(message_id):
                self._write(records, self._change_messages(records.messages, records.messages.delete(message_id)))

    def _write(
        self, records: Records, work: Coroutine[Any, Any, None], *, ends_faults: bool = True
    ) -> asyncio.Task[None]:
        """Start store work; the store's own queue keeps the order in which it was started.

        Args:
            records: the store.
            work: to be done there.
            ends_faults: where it succeeds the store is well again.
        """
        return self._keep(self._guard(records, work, ends_faults=ends_faults))

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    async def _guard(records: Records, work: Coroutine[Any, Any, None], *, ends_faults: bool) -> None:
        try:
            await work
        except HandsetError as error:
            records.note_error(error)
        else:
            if ends_faults:
                records.note_success()

    async def _close_record(self, call_log: CallLog, command: c.CloseCallRecord) -> None:
        await call_log.close_record(command)
        self.when_written(command.call_id)
        self.post(MissedCallsCounted(await call_log.count_unseen_missed()))

    async def _change_messages(self, messages: Messages, change: Coroutine[Any, Any, None]) -> None:
        await change
        self.post(MessagesLoaded(tuple(await messages.newest(_MESSAGES_SHOWN))))

    def _look_up(self, call_id: CallId, number: str) -> None:
        if self._attribute is not None:
            self._keep(self._place(self._attribute, call_id, number))
        if self._records is not None:
            self._write(self._records, self._name_caller(self._records.contacts, call_id, number))

    async def _place(self, attribute: Callable[[str], str], call_id: CallId, number: str) -> None:
        # The table is on the card, for which this thread waits as little as for the store.
        if attribution := await asyncio.to_thread(attribute, number):
            self.post(NumberAttributed(call_id, attribution))

    async def _name_caller(self, contacts: Contacts, call_id: CallId, number: str) -> None:
        if contact := await contacts.contact_of(number):
            self.post(CallerNamed(call_id, contact.name, contact.ring, contact.blocked, contact.picture))

    def load_from_store(self) -> None:
        """Tell the phone what the store remembers: the holder's settings, redial, missed calls and messages."""
        if self._records is not None:
            self._write(self._records, self._load(self._records))

    async def _load(self, records: Records) -> None:
        call_log = records.call_log
        # First of all: until then a blocked contact would ring.
        self.post(BlockedContactsLoaded(tuple(await records.contacts.blocked_numbers())))
        # Before the settings, which may say that it is asked for; the guardian's first, so that whoever knows of the
        # holder's knows of both.
        self.post(PinChanged(await records.guardian_pin.is_set(), PinSlot.GUARDIAN))
        self.post(PinChanged(await records.pin.is_set()))
        if (preferences := await records.preferences.load()) is not None:
            self.post(PreferencesLoaded(preferences))
        # After what locks the phone: a new account's id has to be written, for which the card may have no room.
        self.post(AccountKnown(await call_log.account_id()))
        # After all that is to be known of a phone before it asks by itself: whether it is locked, and its language.
        self.post(SetUpLoaded(await records.set_up.load()))
        self.post(MessagesLoaded(tuple(await records.messages.newest(_MESSAGES_SHOWN))))
        if digits := await call_log.last_dialled():
            self.post(LastDialledLoaded(digits))
        self.post(MissedCallsCounted(await call_log.count_unseen_missed()))


def _aged(command: c.Command, by_s: float) -> c.Command:
    """Return a command as it is to be carried out so much later: how long ago something was has grown meanwhile."""
    match command:
        case c.OpenCallRecord():
            return replace(command, began_ago_s=command.began_ago_s + by_s)
        case c.MarkCallAnswered():
            return replace(command, answered_ago_s=command.answered_ago_s + by_s)
        case c.CloseCallRecord():
            return replace(command, ended_ago_s=command.ended_ago_s + by_s)
        case _:
            return command
