"""The handset's end of voice: orders go out, news comes in, and what still counts is ordered again of the next one.

Every method belongs to the main thread.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from contract.calls import DisconnectReason
from firmware.phone import news as n
from firmware.phone import orders as o
from firmware.phone.call import CallId, CallState, RejectReason
from firmware.phone.events import Event
from firmware.phone.news import Problem, VoiceNews
from firmware.phone.requests.handset import Loudness
from firmware.voice import channel
from firmware.voice.kept_line import Door
from firmware.voice.link import Link
from firmware.voice.messages import (
    Announce,
    AnnouncementOver,
    AskLoudness,
    AskReport,
    Configure,
    Hello,
    Leave,
    ListenTo,
    News,
    Order,
    OrderTaken,
    PlaySound,
    Report,
    RingerFault,
    SoundTried,
    Tap,
    TrySound,
    UseRingTone,
)
from firmware.voice.news_gate import Lasting, LastingNews, NewsGate
from firmware.voice.placing import Placing

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_ANSWER_S: Final = 2.0
_TRIAL_S: Final = 10.0
_LEAVE_S: Final = 4.0
_READY_S: Final = 5.0
_AWAY_S: Final = 1.0
_FOR_STORE: Final = (
    n.MessageReceived,
    n.IncomingCallReceived,
    n.CallReplaced,
    n.CallPartyChanged,
    n.CallQualityMeasured,
)
"""News that the store writes down or looks something up for: one a turn, so that it has time for others too."""


@dataclass(frozen=True, slots=True)
class Ties:
    """What the client tells to whom.

    Attributes:
        post: hears events.
        found: hears which calls voice has, once in a run, before `post` does.
        note_ringer: hears why the phone cannot ring, empty where it can again.
        note_talk: hears whether the microphone is wanted from now on.
        note_pid: hears which process voice is, None where there is none.
    """

    post: Callable[[Event], None]
    found: Callable[[n.CallsFound], None]
    note_ringer: Callable[[str], None]
    note_talk: Callable[[bool], None]
    note_pid: Callable[[int | None], None]


class VoiceClient:
    """Tells voice its settings and what the phone wants, and the phone what it says, as far as it can be believed."""

    def __init__(
        self,
        runtime_dir: Path,
        settings: bytes,
        accounts: tuple[str, ...],
        is_emergency: Callable[[str], bool],
        *,
        max_calls: int = 4,
        watched: tuple[str, ...] = (),
        paging: tuple[str, ...] = (),
    ) -> None:
        """Set up without listening.

        Args:
            runtime_dir: where the socket goes.
            settings: packed, for voice alone.
            accounts: their names, by which voice speaks of them.
            is_emergency: whether a URI is that of an emergency number.
            max_calls: how many voice was told that there may be.
            watched: the numbers of the phones that voice was told to watch.
            paging: the names of the groups that voice was told to listen to.
        """
        self._settings = settings
        self._link = Link(runtime_dir, self._hear, self._lose)
        self._gate = NewsGate(accounts, max_calls=max_calls, watched=watched, paging=paging)
        self._lasting = Lasting(self._tell_lasting)
        self._placing = Placing(self, is_emergency)
        self._greeted: Hello | None = None
        self._told = b""
        self._early: list[News] = []
        self._ties: Ties | None = None
        self._standing: dict[object, Order] = {}
        self._ring_tone = b""
        self._announcements: dict[int, Callable[[bool], None]] = {}
        self._count = 0
        self._reports: list[asyncio.Future[Report | None]] = []
        self._trials: list[asyncio.Future[str | None]] = []
        self._loudness: list[asyncio.Future[Loudness | None]] = []
        self.is_ready = False
        self._has_met = False
        self._has_sent_away = False
        self._is_away = False
        self._is_leaving = False
        self._gone = asyncio.Event()

    # --- life ---------------------------------------------------------------------------------------------------------

    def listen(self, patience_s: float, door: Door | None = None) -> None:
        """Listen, and let a voice that is there within so long begin to register; before there is a main loop.

        Args:
            patience_s: how long to wait for it.
            door: where it was waited for already, with a line that was kept.
        """
        if door is None:
            self._link.listen(patience_s, lambda: self._greeted is not None)
        else:
            door.close()
            self._told = door.settings
            self._link.take_over(door)

    def start(self, ties: Ties) -> None:
        """Go on in the running loop: what voice has said so far is told first."""
        self._ties = ties
        self._link.start(self._expect_ready)
        if not self._link.is_there:
            asyncio.get_running_loop().call_later(_AWAY_S, self._say_away)

    async def stop(self) -> None:
        """Have calls ended and the phone unregistered, hear of it, and let go of voice."""
        self._is_leaving = True
        if self._link.is_there:
            self._gone.clear()
            self._link.send(Leave())
            with suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_S):
                    await self._gone.wait()
        self.is_ready = False
        self._link.stop()

    def _expect_ready(self) -> None:
        """Hear what a voice says first, and replace one that does not get ready: it would keep another one out."""
        early, self._early = self._early, []
        for news in early:
            self._hear(news)
        pid = self._link.pid

        def look() -> None:
            if self._link.pid == pid and not (self.is_ready and self._has_met):
                self.replace("it does not get ready")

        asyncio.get_running_loop().call_later(_READY_S, look)

    # --- orders -------------------------------------------------------------------------------------------------------

    def order(self, order: Order) -> None:
        """Have something done; where voice is away it hears later what still counts then."""
        match order:
            case o.PlaceCall(call_id):
                self._gate.call_placed(call_id)
                self._placing.place(order)
                return
            case o.HangUpCall(call_id) if self._placing.withdraw(call_id):
                self.end(call_id, DisconnectReason.CANCELLED)
                return
            case o.SendMessage(message_id):
                if not self.is_ready:
                    self._post_soon(n.MessageSent(message_id, accepted=False))
                    return
                self._gate.text_sent(message_id)
            case o.OpenAudio(talk):
                self._note_talk(talk)
            case o.CloseAudio():
                self._note_talk(False)
        if (key := _standing_as(order)) is not None:
            self._standing[key] = order
        self.send(order)

    def send(self, order: Order, sound: bytes = b"") -> bool:
        """Give an order now, with a file of sound where there is any; False where voice hears none."""
        if not self.is_ready:
            return False
        return self._send_with(order, sound) if sound else self._link.send(order)

    def _send_with(self, order: Order, content: bytes) -> bool:
        file = os.memfd_create("wecall", os.MFD_CLOEXEC)
        try:
            os.pwrite(file, content, 0)
            return self._link.send(order, file)
        finally:
            os.close(file)

    def replace(self, why: str) -> None:
        """End voice at once; the service manager starts another."""
        self._link.replace(why)

    def end(self, call_id: CallId, reason: DisconnectReason) -> None:
        """Say that a call is over that voice does not have."""
        self._gate.calls.pop(call_id, None)
        self._post_soon(n.CallStateChanged(call_id, CallState.DISCONNECTED, reason))

    def play(self, sound: bytes, *, in_ear: bool, beside_call: bool = False) -> None:
        """Play a sound at SOUND_RATE_HZ once, in place of the one before; an empty one is silence."""
        self.send(PlaySound(in_ear, beside_call), sound)

    def announce(self, sound: bytes, when_over: Callable[[bool], None]) -> None:
        """Play a sound once to both ends; `when_over` is told once whether all of it went out."""
        self._count += 1
        self._announcements[self._count] = when_over
        if not self.send(Announce(self._count), sound):
            self._announcement_over(self._count, made=False)

    def use_ring_tone(self, sound: bytes) -> None:
        """Ring with a sound from now on, where no other ring is asked for."""
        self._ring_tone = sound
        self.send(UseRingTone(), sound)

    def tap(self, write_end: int) -> None:
        """Have what is said in calls put into a pipe (see audio/sound_pipe.py), whose end is closed here."""
        self._pass_on(Tap(), write_end)

    def listen_to(self, read_end: int) -> None:
        """Have what comes out of a pipe played, in place of the one before; its end is closed here."""
        self._pass_on(ListenTo(), read_end)

    def _pass_on(self, order: Order, file: int) -> None:
        try:
            if self.is_ready:
                self._link.send(order, file)
        finally:
            os.close(file)

    async def report(self) -> Report | None:
        """Return how everything is, None where voice does not say."""
        return await self._ask(AskReport(), self._reports, _ANSWER_S)

    async def try_sound(self) -> str | None:
        """Return what does not open, "sound" or "microphone", empty where all does; None where voice does not say."""
        return await self._ask(TrySound(), self._trials, _TRIAL_S)

    async def loudness(self) -> Loudness:
        """Return how loud the microphone has been since somebody asked last; silence where voice does not say."""
        return await self._ask(AskLoudness(), self._loudness, _ANSWER_S) or Loudness()

    async def _ask(self, question: Order, waiting: "list[asyncio.Future[_T | None]]", timeout_s: float) -> _T | None:
        answer: asyncio.Future[_T | None] = asyncio.get_running_loop().create_future()
        waiting.append(answer)
        try:
            if not self.send(question):
                return None
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            return None
        finally:
            waiting.remove(answer)

    # --- news ---------------------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        if isinstance(news, Hello):
            if self._greeted is not None:
                self.replace("it says twice who it is")
            else:
                self._greet(news)
        elif self._greeted is None:
            self.replace("it does not say who it is")
        elif self._ties is None:
            self._early.append(news)
        else:
            self._take(self._ties, news)

    def _greet(self, hello: Hello) -> None:
        self._greeted = hello
        if hello.program != channel.PROGRAM and not self._has_sent_away:
            _log.info("Voice runs another firmware, and starts anew.")
            self._has_sent_away = True
            self._link.send(Leave())
            return
        told, self._told = self._told, b""
        if told != self._settings and not self._send_with(Configure(), self._settings):
            return
        # Whoever had none runs with what it was told first.
        runs_with = hello.settings or (sha256(told).hexdigest() if told else "")
        if runs_with not in {"", sha256(self._settings).hexdigest()}:
            _log.info("Voice runs with other settings, and starts anew.")
            return
        self.is_ready = True
        if self._has_met and self._ties is not None:
            self._go_on(self._ties)

    def _take(self, ties: Ties, news: News) -> None:
        match news:
            case OrderTaken(call_id):
                self._placing.taken(call_id)
            case AnnouncementOver(number, made):
                self._announcement_over(number, made=made)
            case Report():
                _answer(self._reports, news)
            case SoundTried(fault):
                _answer(self._trials, fault)
            case Loudness():
                _answer(self._loudness, news)
            case n.CallsFound():
                self._find(ties, news)
            case RingerFault():
                self._lasting.note(news)
            case _ if isinstance(news, VoiceNews):
                self._tell_phone(ties, news)

    def _find(self, ties: Ties, found: n.CallsFound) -> None:
        if self._has_met:
            for call in found.calls:
                self._end_or_go_on(call)
            return
        self._has_met = True
        self._go_on(ties)
        if self._gate.passes(found):
            ties.found(found)
        else:
            # Calls that nobody here could end.
            self.replace("it has calls that cannot be")

    def _end_or_go_on(self, call: n.FoundCall) -> None:
        """End a call that the phone believes is over since it lost this voice, unless it is waited for."""
        if call.state is not CallState.DISCONNECTED and self._placing.outlives(call.call_id):
            self._placing.moved(call.call_id, call.state)
            self._post_soon(n.CallStateChanged(call.call_id, call.state))
        else:
            self.send(o.HangUpCall(call.call_id))

    def _tell_phone(self, ties: Ties, news: VoiceNews) -> None:
        if not self._gate.passes(news):
            if isinstance(news, n.IncomingCallReceived) and news.call_id not in self._gate.calls:
                # Nobody here would end it.
                self.send(o.RejectCall(news.call_id, RejectReason.BUSY))
            elif isinstance(news, n.CallReplaced) and news.new_call_id not in self._gate.calls:
                self.send(o.HangUpCall(news.new_call_id))
        elif isinstance(news, LastingNews):
            self._lasting.note(news)
        else:
            if isinstance(news, n.CallStateChanged):
                self._placing.moved(news.call_id, news.state)
            elif isinstance(news, _FOR_STORE):
                self._link.end_turn()
            ties.post(news)

    def _tell_lasting(self, news: LastingNews) -> None:
        if self._ties is None:
            return
        if isinstance(news, RingerFault):
            self._ties.note_ringer(news.sentence)
        else:
            self._post_soon(news)

    # --- one voice and the next ---------------------------------------------------------------------------------------

    def _go_on(self, ties: Ties) -> None:
        """Have voice do again what still counts."""
        ties.note_pid(self._link.pid)
        if self._is_away:
            self._is_away = False
            ties.post(n.ProblemCleared(Problem.VOICE_AWAY))
        for order in self._standing.values():
            self.send(order)
        if self._ring_tone:
            self.send(UseRingTone(), self._ring_tone)
        for order in self._placing.waiting():
            self.send(order)

    def _lose(self) -> None:
        """Go on without voice: its calls are over, but for those for help that nobody has answered yet."""
        self.is_ready, self._greeted = False, None
        self._early.clear()
        if self._ties is None:
            return
        self._ties.note_pid(None)
        self._say_away()
        self._lasting.forget()
        for call_id in self._gate.lose_calls():
            if self._placing.outlives(call_id):
                self._gate.call_placed(call_id)
            else:
                self._post_soon(n.CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.INTERRUPTED))
        for message_id in self._gate.lose_texts():
            self._post_soon(n.MessageSent(message_id, accepted=False))
        for number in tuple(self._announcements):
            self._announcement_over(number, made=False)
        _answer(self._reports, None)
        _answer(self._trials, None)
        _answer(self._loudness, None)
        # After what the phone is to hear of it.
        self._gone.set()

    def _say_away(self) -> None:
        if not self._link.is_there and not self._is_away and not self._is_leaving:
            self._is_away = True
            self._post_soon(n.ProblemRaised(Problem.VOICE_AWAY))

    def _announcement_over(self, number: int, *, made: bool) -> None:
        if (when_over := self._announcements.pop(number, None)) is not None:
            when_over(made)

    def _note_talk(self, wanted: bool) -> None:
        if self._ties is not None:
            self._ties.note_talk(wanted)

    def _post_soon(self, event: Event) -> None:
        # Not at once: the phone may not have finished with the event that made it ask.
        if self._ties is not None:
            asyncio.get_running_loop().call_soon(self._ties.post, event)


def _answer(waiting: "list[asyncio.Future[_T | None]]", answer: _T | None) -> None:
    for each in waiting:
        if not each.done():
            each.set_result(answer)


def _standing_as(order: Order) -> object:
    """Return what an order stands for until another one of its kind; None where it is done once."""
    match order:
        case o.OpenAudio() | o.CloseAudio():
            return o.OpenAudio
        case o.SetVolume(route):
            return route
        case o.PlayTone() | o.StopTone():
            return o.PlayTone
        case o.StartRinging() | o.StopRinging():
            return o.StartRinging
        case o.SetMute() | o.SetEar() | o.LowerNoise():
            return type(order)
        case _:
            return None
