import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from contract.calls import CallDirection, DisconnectReason
from firmware.app.bus import Bus
from firmware.base.errors import StorageError
from firmware.phone import commands as c
from firmware.phone import orders as o
from firmware.phone.call import CallerId, CallId, CallQuality, CallState, RejectReason, SipUri, TextMessage
from firmware.phone.events import (
    BlockedContactsLoaded,
    CallerNamed,
    Event,
    HandsetLifted,
    HandsetReplaced,
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
from firmware.phone.key import Key
from firmware.phone.news import CallStateChanged, MessageSent
from firmware.phone.pin import PinSlot
from firmware.phone.preferences import Preferences, SetUp
from firmware.phone.recording import RecordingEnd, RecordingNotice, RecordingSign
from firmware.phone.request import Answered, Failed
from firmware.phone.requests.pin import CheckPin, PinChanged
from firmware.ports.store import CallerContact

CALL = CallId("c" * 32)
OPEN = c.OpenCallRecord(CALL, CallDirection.OUTGOING, "100", "100")
PLACE = o.PlaceCall(CALL, SipUri("sip:100@localhost"))
PREFERENCES = Preferences(do_not_disturb=True)
MESSAGE = TextMessage("d" * 32, CallDirection.INCOMING, CallerId("100"), "Back at noon")


class ScriptedPhone:
    """Answers each type of event with the commands it was given."""

    def __init__(self) -> None:
        self.answers: dict[type[Event], list[c.Command]] = {}
        self.events: list[Event] = []
        self.changed = asyncio.Event()

    def start(self) -> list[c.Command]:
        return []

    def handle(self, event: Event) -> list[c.Command]:
        self.events.append(event)
        self.changed.set()
        return self.answers.get(type(event), [])

    async def wait_for(self, kind: type[Event]) -> Any:
        async with asyncio.timeout(5):
            while not (found := [event for event in self.events if isinstance(event, kind)]):
                self.changed.clear()
                await self.changed.wait()
        return found[-1]


class Recording:
    """Any adapter: remembers what it was told, in one list with its fellows."""

    def __init__(self, name: str, told: list[str], broken: tuple[str, ...] = ()) -> None:
        self._name = name
        self._told = told
        self._broken = broken

    def __getattr__(self, method: str) -> Callable[..., None]:
        def call(*_args: object, **_kwargs: object) -> None:
            self._told.append(f"{self._name}.{method}")
            if method in self._broken:
                raise OSError("The device is gone.")

        return call


class RecordingVoice(Recording):
    """A voice: remembers each order by its name in that list, and whole in another."""

    def __init__(self, told: list[str]) -> None:
        super().__init__("voice", told)
        self.orders: list[c.Command] = []

    def order(self, order: c.Command) -> None:
        self.orders.append(order)
        self._told.append(f"voice.{type(order).__name__}")


class Notebook:
    """A call log and address book whose writing can be held up."""

    def __init__(self, told: list[str]) -> None:
        self._told = told
        self.ready = asyncio.Event()
        self.ready.set()
        self.error: StorageError | None = None
        self.errors: list[Exception] = []
        self.successes = 0

    @property
    def call_log(self) -> Any:
        return self

    @property
    def contacts(self) -> Any:
        return self

    def note_error(self, error: Exception) -> None:
        self.errors.append(error)

    def note_success(self) -> None:
        self.successes += 1

    async def _write(self, what: str) -> None:
        await self.ready.wait()
        if self.error is not None:
            raise self.error
        self._told.append(f"log.{what}")

    async def open_record(self, *_: object, **__: object) -> None:
        await self._write("open")

    async def mark_answered(self, _call_id: CallId, answered_ago_s: float = 0.0) -> None:
        self.answered_ago_s = answered_ago_s
        await self._write("answered")

    async def close_record(self, *_: object) -> None:
        await self._write("close")

    async def count_unseen_missed(self) -> int:
        return 3

    async def last_dialled(self) -> str:
        return "100"

    async def account_id(self) -> str:
        return "a" * 32

    @property
    def pin(self) -> Any:
        return self

    @property
    def guardian_pin(self) -> Any:
        return self

    async def is_set(self) -> bool:
        return True

    async def mark_missed_seen(self) -> None:
        await self._write("seen")

    async def contact_of(self, _number: str) -> CallerContact:
        return CallerContact("Ada", "priority")

    async def blocked_numbers(self) -> tuple[str, ...]:
        return ("1002",)

    @property
    def messages(self) -> Any:
        return self

    @property
    def preferences(self) -> Any:
        return self

    async def load(self) -> Preferences:
        return PREFERENCES

    async def save(self, *_: object) -> None:
        await self._write("preferences")

    @property
    def set_up(self) -> Any:
        return Fact(self._told)

    async def keep_quality(self, *_: object) -> None:
        await self._write("quality")

    async def keep_text(self, *_: object, ours: bool) -> None:
        await self._write("text")

    async def keep(self, *_: object) -> None:
        await self._write("message")

    async def mark_read(self) -> None:
        await self._write("read")

    async def delete(self, *_: object) -> None:
        await self._write("delete")

    async def newest(self, _limit: int) -> list[TextMessage]:
        return [MESSAGE]


class Fact:
    """How the phone came to be set up: not at all."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    async def load(self) -> SetUp:
        return SetUp.NEW

    async def save(self, _set_up: SetUp) -> None:
        self._told.append("log.set_up")


class Parts:
    def __init__(self, *, with_line: bool = True, with_store: bool = True, broken: tuple[str, ...] = ()) -> None:
        self.told: list[str] = []
        self.phone = ScriptedPhone()
        self.notebook = Notebook(self.told)
        self.views: list[Any] = []
        recorder: Any = lambda name: Recording(name, self.told, broken)  # noqa: E731
        self.voice = RecordingVoice(self.told)
        self.bus = Bus(
            self.phone,
            voice=cast("Any", self.voice),
            has_line=with_line,
            ringer_light=recorder("light"),
            indicator=recorder("indicator"),
            show=self.views.append,
            attribute=lambda number: f"the town of {number}",
        )
        if with_store:
            self.bus.write_to(self.notebook)

    def do(self, *commands: c.Command) -> None:
        """Have the phone want something done."""
        self.phone.answers[HandsetLifted] = list(commands)
        self.bus.post(HandsetLifted())

    async def told_of(self, what: str) -> None:
        loop = asyncio.get_running_loop()
        reached = loop.create_future()

        def look() -> None:
            if what in self.told:
                reached.set_result(None)
            else:
                loop.call_later(0.005, look)

        look()
        await asyncio.wait_for(reached, timeout=5)


@pytest.fixture
async def parts(request: pytest.FixtureRequest) -> AsyncIterator[Parts]:
    made = Parts(**getattr(request, "param", {}))
    made.bus.start()
    yield made
    await made.bus.stop()


async def test_an_invite_leaves_after_its_record_is_on_the_disk(parts: Parts) -> None:
    parts.phone.answers[HandsetLifted] = [OPEN, PLACE]
    parts.notebook.ready.clear()
    parts.bus.post(HandsetLifted())
    for _ in range(5):
        await asyncio.sleep(0)
    assert "voice.PlaceCall" not in parts.told
    parts.notebook.ready.set()
    await parts.told_of("voice.PlaceCall")
    assert parts.told == ["log.open", "voice.PlaceCall"]


async def test_a_store_that_hangs_does_not_keep_a_call_from_going_out(parts: Parts) -> None:
    parts.phone.answers[HandsetLifted] = [OPEN, PLACE]
    parts.notebook.ready.clear()
    parts.bus.post(HandsetLifted())
    await parts.told_of("voice.PlaceCall")
    assert "log.open" not in parts.told
    parts.notebook.ready.set()


async def test_hanging_up_never_overtakes_the_invite_that_still_waits(parts: Parts) -> None:
    parts.phone.answers[HandsetLifted] = [OPEN, PLACE]
    parts.phone.answers[HandsetReplaced] = [o.HangUpCall(CALL)]
    parts.notebook.ready.clear()
    parts.bus.post(HandsetLifted())
    parts.bus.post(HandsetReplaced())
    parts.notebook.ready.set()
    await parts.told_of("voice.HangUpCall")
    assert parts.told.index("voice.PlaceCall") < parts.told.index("voice.HangUpCall")


@pytest.mark.parametrize("parts", [{"broken": ("ring",)}], indirect=True)
async def test_a_broken_light_does_not_keep_the_rest_from_being_done(parts: Parts) -> None:
    parts.do(o.StartRinging(), o.StopTone())
    assert parts.told == ["voice.StartRinging", "light.ring", "voice.StopTone"]


@pytest.mark.parametrize("parts", [{"broken": ("ring",)}], indirect=True)
async def test_what_stays_broken_is_said_once(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    parts.phone.answers[HandsetLifted] = [o.StartRinging()]
    for _ in range(3):
        parts.bus.post(HandsetLifted())
    assert [record.message for record in caplog.records].count(caplog.records[0].message) == 1


@pytest.mark.parametrize("parts", [{"with_line": False}], indirect=True)
async def test_without_a_line_a_call_ends_as_unreachable_and_not_in_silence(parts: Parts) -> None:
    parts.do(PLACE)
    event = await parts.phone.wait_for(CallStateChanged)
    assert event == CallStateChanged(CALL, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE)


@pytest.mark.parametrize("parts", [{"with_store": False}], indirect=True)
async def test_calls_of_before_the_store_are_written_once_it_is_there(parts: Parts) -> None:
    parts.do(OPEN, PLACE)
    await parts.told_of("voice.PlaceCall")
    parts.bus.write_to(parts.notebook)
    await parts.told_of("log.open")


@pytest.mark.parametrize("parts", [{"with_store": False}], indirect=True)
async def test_a_call_is_no_shorter_for_a_store_that_opens_later(parts: Parts) -> None:
    parts.do(c.MarkCallAnswered(CALL, 2.0))
    parts.bus.write_to(parts.notebook)
    await parts.told_of("log.answered")
    assert parts.notebook.answered_ago_s > 2.0


async def test_a_store_error_is_noted_and_the_call_goes_out(parts: Parts) -> None:
    parts.notebook.error = StorageError("The disk is full.")
    parts.do(OPEN, PLACE)
    await parts.told_of("voice.PlaceCall")
    assert parts.notebook.errors == [parts.notebook.error]


async def test_an_expired_timer_is_an_event_and_a_cancelled_one_is_not(parts: Parts) -> None:
    parts.phone.answers[HandsetLifted] = [c.StartTimer(Timer.NOTICE, 0.01), c.StartTimer(Timer.INTER_DIGIT, 0.005)]
    parts.phone.answers[HandsetReplaced] = [c.CancelTimer(Timer.INTER_DIGIT)]
    parts.bus.post(HandsetLifted())
    parts.bus.post(HandsetReplaced())
    assert await parts.phone.wait_for(TimerExpired) == TimerExpired(Timer.NOTICE)
    assert TimerExpired(Timer.INTER_DIGIT) not in parts.phone.events


async def test_events_come_in_from_other_threads_and_are_dropped_after_the_end(parts: Parts) -> None:
    thread = threading.Thread(target=parts.bus.post_threadsafe, args=(HandsetLifted(),))
    thread.start()
    assert await parts.phone.wait_for(HandsetLifted) == HandsetLifted()
    thread.join()
    await parts.bus.stop()
    parts.bus.post_threadsafe(HandsetReplaced())
    await asyncio.sleep(0)
    assert HandsetReplaced() not in parts.phone.events


async def test_a_closed_call_is_counted_if_it_was_missed(parts: Parts) -> None:
    parts.do(c.CloseCallRecord(CALL, DisconnectReason.NO_ANSWER, 487))
    assert await parts.phone.wait_for(MissedCallsCounted) == MissedCallsCounted(3)


async def test_the_address_book_names_the_caller(parts: Parts) -> None:
    parts.do(c.LookUpCaller(CALL, "100"))
    assert await parts.phone.wait_for(CallerNamed) == CallerNamed(CALL, "Ada", "priority")


async def test_a_number_is_attributed_with_and_without_a_store(parts: Parts) -> None:
    parts.bus.write_to(None)
    parts.do(c.LookUpCaller(CALL, "100"))
    assert await parts.phone.wait_for(NumberAttributed) == NumberAttributed(CALL, "the town of 100")


async def test_the_phone_goes_on_while_the_card_is_asked_where_a_number_belongs(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_read = threading.Event()
    monkeypatch.setattr(parts.bus, "_attribute", lambda number: str(is_read.wait(5) and number))
    parts.do(c.LookUpCaller(CALL, "100"))
    await asyncio.sleep(0)
    parts.bus.post(HandsetReplaced())
    await parts.phone.wait_for(HandsetReplaced)
    is_read.set()
    assert await parts.phone.wait_for(NumberAttributed) == NumberAttributed(CALL, "100")


async def test_that_the_phone_is_new_is_said_after_its_lock_and_its_language(parts: Parts) -> None:
    parts.bus.load_from_store()
    await parts.phone.wait_for(SetUpLoaded)
    order = [type(event) for event in parts.phone.events]
    assert max(order.index(PinChanged), order.index(PreferencesLoaded)) < order.index(SetUpLoaded)


async def test_whoever_knows_of_the_holder_s_pin_knows_of_the_guardian_s_too(parts: Parts) -> None:
    parts.bus.load_from_store()
    await parts.phone.wait_for(SetUpLoaded)
    slots = [event.slot for event in parts.phone.events if isinstance(event, PinChanged)]
    assert slots == [PinSlot.GUARDIAN, PinSlot.HOLDER]


async def test_a_full_card_that_takes_no_id_of_an_account_keeps_no_lock_from_the_phone(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_no_room() -> str:
        raise StorageError("There is no room.")

    monkeypatch.setattr(parts.notebook, "account_id", find_no_room)
    parts.bus.load_from_store()
    await parts.phone.wait_for(PreferencesLoaded)
    assert PinChanged in map(type, parts.phone.events)


async def test_the_holders_settings_and_messages_come_back_after_a_restart(parts: Parts) -> None:
    parts.bus.load_from_store()
    assert await parts.phone.wait_for(BlockedContactsLoaded) == BlockedContactsLoaded(("1002",))
    assert await parts.phone.wait_for(PreferencesLoaded) == PreferencesLoaded(PREFERENCES)
    assert await parts.phone.wait_for(MessagesLoaded) == MessagesLoaded((MESSAGE,))


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (c.SavePreferences(PREFERENCES), "log.preferences"),
        (c.SaveSetUp(SetUp.FIRST_RUN), "log.set_up"),
        (c.KeepCallQuality(CALL, CallQuality(0.0, 1.0, None, "G722", True, 4.4)), "log.quality"),
        (c.KeepCallText(CALL, "Hi", ours=True), "log.text"),
        (c.KeepMessage(MESSAGE), "log.message"),
        (c.MarkMessagesRead(), "log.read"),
        (c.DeleteMessage(MESSAGE.message_id), "log.delete"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_the_phone_wants_kept_is_kept(parts: Parts, command: c.Command, written: str) -> None:
    parts.do(command)
    await parts.told_of(written)


async def test_a_change_of_the_messages_is_told_to_the_phone(parts: Parts) -> None:
    parts.do(c.KeepMessage(MESSAGE))
    assert await parts.phone.wait_for(MessagesLoaded) == MessagesLoaded((MESSAGE,))


@pytest.mark.parametrize(
    "command",
    [
        PLACE,
        o.SignalRinging(CALL),
        o.AnswerCall(CALL),
        o.RejectCall(CALL, RejectReason.BUSY),
        o.HangUpCall(CALL),
        o.HoldCall(CALL),
        o.ResumeCall(CALL),
        o.RedirectCall(CALL, PLACE.uri),
        o.TransferCall(CALL, PLACE.uri),
        o.TransferToCall(CALL, CALL),
        o.JoinCalls((CALL, CALL)),
        o.SplitCalls(),
        o.SendDtmf(CALL, Key.DIGIT_5),
        o.OpenText(CALL),
        o.WriteText(CALL, "a\b"),
        o.SignalRecording(CALL, RecordingSign.ON),
        o.SendMessage(MESSAGE.message_id, PLACE.uri, "Hi"),
        o.OpenAudio(talk=True),
        o.CloseAudio(),
        o.SetMute(muted=True),
        o.SetVolume(o.AudioRoute.RINGER, 30),
        o.PlayTone(o.Tone.BUSY),
        o.StopTone(),
        o.StartRinging("recall"),
        o.StopRinging(),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_the_phone_wants_of_the_line_and_of_sound_is_passed_on(parts: Parts, command: c.Command) -> None:
    parts.do(command)
    await parts.told_of(f"voice.{type(command).__name__}")
    assert parts.voice.orders == [command]


@pytest.mark.parametrize("parts", [{"with_line": False}], indirect=True)
async def test_without_a_line_a_message_is_not_sent_and_the_phone_hears_so(parts: Parts) -> None:
    parts.do(o.SendMessage(MESSAGE.message_id, PLACE.uri, "Hi"))
    assert await parts.phone.wait_for(MessageSent) == MessageSent(MESSAGE.message_id, accepted=False)


async def test_redial_survives_a_restart(parts: Parts) -> None:
    parts.bus.load_from_store()
    assert await parts.phone.wait_for(LastDialledLoaded) == LastDialledLoaded("100")


async def test_where_nothing_can_announce_a_recording_the_phone_hears_so(parts: Parts) -> None:
    parts.do(c.AnnounceRecording(RecordingNotice.BEGINNING))
    assert await parts.phone.wait_for(RecordingAnnounced) == RecordingAnnounced(made=False)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (c.StartRecording(CALL, "100", "Anna"), "recorder.begin"),
        (c.PauseRecording(), "recorder.pause"),
        (c.ResumeRecording(), "recorder.resume"),
        (c.StopRecording(RecordingEnd.CALL_OVER), "recorder.end"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
async def test_what_the_phone_wants_recorded_is_passed_on(parts: Parts, command: c.Command, told: str) -> None:
    parts.bus.recorder = cast("Any", Recording("recorder", parts.told))
    parts.do(command)
    await parts.told_of(told)


async def test_where_nothing_can_record_the_phone_hears_so_and_the_rest_means_nothing(parts: Parts) -> None:
    parts.do(c.PauseRecording(), c.ResumeRecording(), c.StopRecording(), c.StartRecording(CALL, "100"))
    assert await parts.phone.wait_for(RecordingEnded) == RecordingEnded(CALL, RecordingEnd.FAILED)


async def test_what_nobody_can_do_is_answered_so_that_no_page_waits_and_no_pin_is_kept(parts: Parts) -> None:
    request = CheckPin("4711")
    parts.do(request)
    answered = await parts.phone.wait_for(Answered)
    assert answered.request is request
    assert isinstance(answered.answer, Failed)
