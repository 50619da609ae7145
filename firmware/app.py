"""The composition root: the one place that builds adapters and drivers and ties them together."""

import asyncio
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firmware import clock
from firmware.announcer import Announcer
from firmware.boot import Early, Options
from firmware.bundles.opening import open_desk
from firmware.bundles.serial import serial
from firmware.bundles.shelf import Shelf
from firmware.bundles.watch import PhoneWatch
from firmware.bus import Bus
from firmware.call_recorder import CallRecorder
from firmware.chronicle import changes
from firmware.control.requests import Role
from firmware.control.server import ControlServer, Handler
from firmware.data_copy import sweep_drafts
from firmware.devices import DEFAULT_COUNTRY, DeviceFaults, Settings, StartedDevice, build_devices
from firmware.doctor import Condition
from firmware.errands.facts import Facts, Identity
from firmware.errands.handlers import Surroundings, copy_of_everything, errand_handlers
from firmware.errands.runner import ErrandRunner
from firmware.errors import ControlError, HandsetError, StorageError
from firmware.factory_reset import finish_reset
from firmware.farewell import go_on, leave_word, resume_reset
from firmware.media.loop import AudioLoop
from firmware.media.recorder import SoundRecorder, SoundTap
from firmware.media.sound_format import best_format
from firmware.media.tones import key_click
from firmware.my_data_admin import CopyParts
from firmware.notifier import SystemdNotifier
from firmware.numbering.directory import TABLE_PATH, NumberDirectory
from firmware.ordered_files import OrderedFiles
from firmware.painter import Painter
from firmware.phone.call import CallId, SipUri
from firmware.phone.consent_answers import ConsentsChanged
from firmware.phone.events import (
    NO_CALLS,
    BlockedContactsLoaded,
    Event,
    HandsetLifted,
    HandsetReplaced,
    Key,
    KeyHeld,
    KeyPressed,
    KeyRepeated,
    MinuteStarted,
    Problem,
    ProblemCleared,
    ProblemRaised,
    RegistrationChanged,
)
from firmware.phone.key_answers import StoreGuarded, StoreWaitsForPin
from firmware.phone.phone import Phone
from firmware.phone.phrases import RECORDING_ANNOUNCEMENT
from firmware.phone.purpose import Actor, Channel
from firmware.phone.view import PhoneView
from firmware.pictures.cache import PictureCache
from firmware.player import RecordingPlayer
from firmware.ports.broker import BrokerProblem, BrokerState, DailyTraffic
from firmware.ports.sip import SipStack
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.privacy.consent import ConsentState, damage_words
from firmware.records import Records, problem_of
from firmware.roles import admin_handlers, stick_handlers, sync_handlers
from firmware.screens.artist import Artist
from firmware.screens.families import has_chinese
from firmware.screens.families.rom import GLYPHS
from firmware.screens.reading import about_nobody, lines_of
from firmware.screens.spoken import spoken
from firmware.screens.translation import Language, translator
from firmware.settings.broker import broker_settings
from firmware.settings.issuer import issuer
from firmware.settings.phone import phone_settings
from firmware.settings.recording import announcement
from firmware.settings.sound import near_end_settings
from firmware.simulated_stick import SimulatedPort
from firmware.speech import Narrator, sentence_sound
from firmware.storage.pictures import Pixels
from firmware.verification import SipVerifier
from provisioning.schema import Configuration

if TYPE_CHECKING:
    from firmware.bundles.desk import BundleDesk

_log = logging.getLogger(__name__)

_THREAD_LIMIT_S: Final = 20.0
_SLOW_THREAD_LIMIT_S: Final = 60.0
_SECONDS_A_MINUTE: Final = 60
_MINUTES_AN_HOUR: Final = 60


def run_until_stopped(options: Options, early: Early) -> None:
    """Start the rest of the handset and run it until SIGTERM or SIGINT, or until it has to start anew."""
    if asyncio.run(_run(options, early)):
        # The same process goes on with nothing of the old one in its memory, whether systemd looks after it or nobody.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - what runs already


async def _run(options: Options, early: Early) -> bool:
    """Run the handset; return whether another run is to follow."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    handset = Handset(options, early, stopping.set)
    await handset.start()
    try:
        await stopping.wait()
    finally:
        await handset.stop()
    return handset.starts_anew


class Handset:
    """Everything that runs in the handset's process, started in order and stopped in reverse.

    Attributes:
        starts_anew: after this run another one is to follow.
    """

    def __init__(self, options: Options, early: Early, end: Callable[[], None]) -> None:
        """Set up; `end` has this run stopped."""
        self._options = options
        self._end = end
        self.starts_anew = False
        self._loaded = early.loaded
        self._health = early.health
        self._sip = early.sip
        self._inbox = early.inbox
        self._notifier = SystemdNotifier()
        self._faults = DeviceFaults(self._report_device_faults)
        self._running = AsyncExitStack()
        self._ordered = OrderedFiles(self._exchange_dir)
        self._broker: tuple[BrokerState, BrokerProblem] | None = None
        self._records_fault: str | None = None
        self._ledger_fault = ""
        self._records: Records | None = None
        self._player: RecordingPlayer | None = None
        self._watch = PhoneWatch()
        self._bundles: BundleDesk | None = None
        self._minute: asyncio.TimerHandle | None = None
        self._told: PhoneView | None = None
        self._farewell_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start every part; one that fails is named on the display and in `doctor`, and the rest goes on."""
        configuration = self._loaded.configuration
        device_settings = Settings.of(configuration)
        self._family: str = device_settings.display.family
        # Without a font that has Chinese, words that can be read are better than boxes.
        self._language = configuration.device.language if configuration and has_chinese(self._family) else "en"
        country = configuration.device.country if configuration else DEFAULT_COUNTRY
        self._phone = Phone(phone_settings(self._loaded, serial()), lambda: CallId(secrets.token_hex(16)))
        self._directory = NumberDirectory(TABLE_PATH, self._language)
        self._spoken_language: str = self._language
        self._narrator = Narrator(partial(self._speak_from_thread, asyncio.get_running_loop()))
        self._running.callback(self._narrator.stop)
        self._attribute = partial(self._directory.describe, country=country)
        self._devices = build_devices(
            device_settings,
            simulator_port=self._options.simulator_port,
            on_ringer_fault=lambda sentence: self._faults.note("ringer", sentence),
            glyphs=GLYPHS,
        )
        self.pictures = PictureCache(
            self._load_picture, lambda: self._show(self._phone.view), asyncio.get_running_loop()
        )
        self._artist = Artist(self._language, self.pictures)
        self._painter = Painter(
            self._devices.display,
            self._health.register("display", _SLOW_THREAD_LIMIT_S),
            on_failure=lambda sentence: self._faults.note("display", sentence),
        )
        sound, card = device_settings.sound, self._devices.sound_card
        self._tap = SoundTap(rate_hz=card.rate_hz, period_frames=card.period_frames)
        self._audio = AudioLoop(
            card,
            country=country,
            heartbeat=self._health.register("audio", _THREAD_LIMIT_S),
            post=self._post_from_thread,
            speaker_card=self._devices.speaker_card,
            handset_near_end=near_end_settings(sound, on_speaker=False),
            speaker_near_end=near_end_settings(sound, on_speaker=True),
            sidetone_percent=sound.sidetone_percent,
            comfort_noise=sound.comfort_noise,
            tap=self._tap,
        )
        self._bus = Bus(
            self._phone,
            sip=self._sip,
            audio=self._audio,
            ringer=self._devices.ringer,
            indicator=self._devices.indicator,
            show=self._show,
            set_brightness=self._painter.set_brightness,
            key_click=key_click(SOUND_RATE_HZ),
            attribute=self._attribute,
        )
        self._bus.start()
        self._start_devices()
        self._start_phone()
        self._directory.start()
        await self._start_page()
        await self._start_records(configuration)
        await self._start_sockets()
        if self._bundles is not None:
            self._bundles.start()
        self._start_watchdog()
        _log.info("The handset is ready")

    async def stop(self) -> None:
        """Stop everything, last started first; calls are ended and their records written."""
        if not self.starts_anew:
            # systemd would end the process that is to go on.
            self._notifier.stopping()
        # Calls end while the store is still open, so that their records are written.
        if self._sip is not None:
            await asyncio.to_thread(self._sip.stop)
        await self._bus.stop()
        await self._running.aclose()
        _log.info("The handset has stopped")

    # --- starting, in order -------------------------------------------------------------------------------------------

    def _start_devices(self) -> None:
        devices, faults = self._devices, self._faults
        self._painter.start()
        self._running.callback(self._painter.stop)
        self._audio.start(self._sip.audio_port if self._sip else None)
        self._running.callback(self._audio.stop)
        devices.keypad.when_pressed = self._key_listener(KeyPressed)
        devices.keypad.when_repeated = self._key_listener(KeyRepeated)
        devices.keypad.when_held = self._key_listener(KeyHeld)
        devices.hook_switch.when_lifted = lambda: self._post_from_thread(HandsetLifted())
        devices.hook_switch.when_replaced = lambda: self._post_from_thread(HandsetReplaced())
        parts: dict[str, StartedDevice] = {
            "ringer": devices.ringer,
            "indicator": devices.indicator,
            "keypad": devices.keypad,
            "hook switch": devices.hook_switch,
        }
        for part, device in parts.items():
            if faults.attempt(part, device.start):
                self._running.callback(faults.attempt, part, device.stop)

    def _start_phone(self) -> None:
        self._bus.wake_phone()
        self._inbox.open(self._post_from_thread)
        if self._loaded.from_last_good:
            self._bus.post(ProblemRaised(Problem.CONFIGURATION, " ".join(self._loaded.mistakes)))
        if not clock.is_plausible():
            self._bus.post(ProblemRaised(Problem.CLOCK_NOT_SET))
        if self._devices.hook_switch.is_off_hook:
            self._bus.post(HandsetLifted())
        self._tick()
        self._running.callback(self._stop_ticking)

    async def _start_page(self) -> None:
        page = self._devices.page
        if page is not None and await self._faults.attempt_async("simulator", page.start):
            self._running.push_async_callback(page.stop)
            page.when_family_changed = self._change_family
            page.stick.when_plugged = SimulatedPort(self._options.runtime_dir, page.note).plug_in
            _log.info("The simulated handset's page is being served")

    async def _start_records(self, configuration: Configuration | None) -> None:
        if not await self._finish_reset():
            return
        await asyncio.to_thread(sweep_drafts, self._exchange_dir)
        self._make_records(configuration)
        await self._open_bundles()
        self._start_recorder(configuration)
        self._start_errands(configuration)
        if self._records is not None:
            self._bus.post(StoreGuarded(self._records.keyring.guards))
            if self._records.keyring.waits_for_pin:
                self._bus.post(StoreWaitsForPin())
            await self._records.start(self._take_up_store)

    async def _finish_reset(self) -> bool:
        """Finish a factory reset that was begun; False where that fails, and then the store must not be opened."""
        try:
            if self._loaded.cancelled:
                await asyncio.to_thread(resume_reset, self._options.state_dir)
            if await asyncio.to_thread(finish_reset, self._options.state_dir):
                _log.warning("The factory reset is finished")
        except StorageError as error:
            self._note_records_fault(problem_of(error), str(error))
            return False
        return True

    def _make_records(self, configuration: Configuration | None) -> None:
        if configuration is None:
            return
        try:
            records = Records(
                self._options.state_dir,
                configuration,
                self._health.register("storage", _SLOW_THREAD_LIMIT_S),
                self._note_records_fault,
                self._note_consents,
                on_documents=self._bus.post,
            )
        except StorageError as error:
            self._health.forget("storage")
            self._note_records_fault(problem_of(error), str(error))
            return
        records.when_cancelled = lambda: self._resume_farewell(records, configuration)
        self._records = self._bus.records = records
        self._running.push_async_callback(records.stop)

    async def _open_bundles(self) -> None:
        """Get ready to take bundles in, and to try the one that this run was started with."""
        self._bundles = await open_desk(
            self._options.state_dir,
            self._options.runtime_dir,
            self._loaded,
            self._records,
            watch=self._watch,
            post=self._bus.post,
            cards=(self._devices.sound_card, self._devices.speaker_card),
            pictures_changed=self._pictures_changed,
            start_anew=self._start_anew,
            end=self._end,
        )
        if self._bundles is not None:
            self._running.push_async_callback(self._bundles.stop)

    def _start_recorder(self, configuration: Configuration | None) -> None:
        if configuration is None or (records := self._records) is None:
            return
        sound = SoundRecorder(self._tap, self._health.register("recorder", _SLOW_THREAD_LIMIT_S))
        sound.start()
        self._running.callback(sound.stop)
        kilobits = configuration.recording.bitrate_kbps
        recorder = CallRecorder(sound, records.recordings, self._bus.post, bitrate_kbps=kilobits)
        self._bus.recorder = recorder
        self._running.push_async_callback(recorder.stop)
        self._bus.announcer = self._make_announcer(configuration)
        self._player = RecordingPlayer(records.recordings, self._audio, self._bus.post)
        self._running.push_async_callback(self._player.close)

    def _make_announcer(self, configuration: Configuration) -> Announcer:
        language = configuration.device.language
        words = translator(Language(language)).say(RECORDING_ANNOUNCEMENT)
        in_words = announcement(configuration) == "voice"
        announcer = Announcer(
            self._audio, self._bus.post, partial(sentence_sound, words, language) if in_words else None
        )
        preparation = asyncio.get_running_loop().create_task(announcer.prepare(), name="announcement")
        self._running.callback(preparation.cancel)
        return announcer

    def _start_errands(self, configuration: Configuration | None) -> None:
        bundles = self._bundles.handlers if self._bundles is not None else {}
        runner = ErrandRunner(
            errand_handlers(
                Surroundings(
                    records=self._records,
                    player=self._player,
                    state_dir=self._options.state_dir,
                    exchange_dir=self._exchange_dir,
                    ordered=self._ordered,
                    identity=_identity(configuration),
                    issuer=issuer(configuration),
                    condition=self._condition,
                    start_anew=self._start_anew,
                    pictures_changed=self._pictures_changed,
                    attribute=self._attribute,
                    language=lambda: self._phone.view.look.language or self._language,
                    cancel=self._cancel,
                    leave_word=self._leave_word,
                    reload=self._bus.load_from_store,
                    verifier=self._make_verifier(configuration),
                    set_up_facts=self._set_up_facts,
                ),
                self._bus.post,
            )
            | bundles,
            self._bus.post,
        )
        self._bus.errands = runner
        self._running.push_async_callback(runner.stop)

    def _make_verifier(self, configuration: Configuration | None) -> SipVerifier | None:
        if configuration is None or self._sip is None or not (address := configuration.operator.verification):
            return None
        verifier = SipVerifier(address, partial(_send_text, self._sip, SipUri(address)))
        self._bus.takes_instead = verifier.takes
        return verifier

    def _take_up_store(self) -> None:
        self.pictures.forget()
        self._bus.load_from_store()
        if self._bundles is not None:
            self._bundles.store_opened()

    def _pictures_changed(self) -> None:
        self.pictures.forget()
        self._show(self._phone.view)

    def _start_anew(self) -> None:
        self.starts_anew = True
        self._end()

    async def _leave_word(self) -> None:
        """Keep outside the store what recipients are still to be told, for it is about to be destroyed."""
        records, configuration = self._records, self._loaded.configuration
        if records is not None and configuration is not None:
            await leave_word(records.farewell, self._options.state_dir, configuration)

    async def _cancel(self, actor: Actor) -> None:
        """Begin to give the phone back, and start anew: the next run finishes it."""
        records, configuration = self._records, self._loaded.configuration
        if records is None or configuration is None:
            return
        await records.farewell.begin(actor, Channel.KEYPAD)
        await self._go_on_with_farewell(records, configuration)

    async def _go_on_with_farewell(self, records: Records, configuration: Configuration) -> None:
        await go_on(records.farewell, self._options.state_dir, configuration, self._loaded.text)
        _log.warning("The account is cancelled: the handset starts anew and forgets its holder")
        self._start_anew()

    def _resume_farewell(self, records: Records, configuration: Configuration) -> None:
        """Go on with what a power cut has interrupted."""

        async def go_on_with_it() -> None:
            try:
                await self._go_on_with_farewell(records, configuration)
            except StorageError as error:
                self._note_records_fault(problem_of(error), str(error))

        self._farewell_task = asyncio.create_task(go_on_with_it())

    async def _load_picture(self, picture: str) -> Pixels | None:
        return await self._records.pictures.read(picture) if self._records is not None else None

    async def _tell_blocked_contacts(self) -> None:
        if self._records is not None:
            self._bus.post(BlockedContactsLoaded(tuple(await self._records.contacts.blocked_numbers())))

    async def _start_sockets(self) -> None:
        handlers: dict[Role, Mapping[str, Handler]] = {
            Role.ADMIN: admin_handlers(
                self._records,
                view=lambda: self._phone.view,
                page_lines=self._page_lines,
                condition=self._condition,
                copy_parts=self._copy_parts,
                pictures_changed=self._pictures_changed,
                contacts_changed=self._tell_blocked_contacts,
                bundles=lambda: self._bundles,
            )
        }
        sync = sync_handlers(
            self._records,
            self._options.state_dir,
            lambda: broker_settings(self._loaded.configuration),
            self._note_broker,
            self._bundles.intake if self._bundles is not None else None,
        )
        if sync is not None:
            handlers[Role.SYNC] = sync
        if self._bundles is not None:
            handlers[Role.STICK] = stick_handlers(self._bundles.intake, self._ordered, self._bus.post)
        server = ControlServer(self._options.runtime_dir, handlers)
        try:
            await server.start()
        except ControlError as error:
            # The phone works without its sockets; only the administrator and the broker go without.
            _log.error("%s", error)
            return
        self._running.push_async_callback(server.stop)

    @property
    def _exchange_dir(self) -> Path:
        return self._options.exchange_dir or self._options.state_dir / "exchange"

    def _copy_parts(self) -> CopyParts | None:
        if (records := self._records) is None:
            return None
        configuration = self._loaded.configuration
        copy = copy_of_everything(records, _identity(configuration), issuer(configuration), self._exchange_dir)
        return CopyParts(records.pins, records.requests, copy)

    def _start_watchdog(self) -> None:
        watchdog = asyncio.create_task(self._notifier.run(self._health), name="watchdog")
        self._running.callback(watchdog.cancel)
        self._notifier.status(_status_words(self._phone.view))
        self._notifier.ready()

    # --- events in, pages out -----------------------------------------------------------------------------------------

    def _post_from_thread(self, event: Event) -> None:
        self._bus.post_threadsafe(event)

    def _key_listener(self, event_type: type[KeyPressed | KeyRepeated | KeyHeld]) -> Callable[[str], None]:
        return lambda name: self._post_from_thread(event_type(Key(name)))

    def _show(self, view: PhoneView) -> None:
        clock_text = time.strftime("%H:%M")
        family = self._family
        self._painter.paint(lambda: self._artist.draw(view, family, clock_text))
        self._notifier.status(_status_words(view))
        self._watch.note_view(view)
        self._speak(view)
        self._tell_page(view, clock_text)

    def _set_up_facts(self) -> Facts:
        """Read which bundle has set the handset up; waits for the card."""
        from firmware.errands.set_up_facts import set_up_facts  # noqa: PLC0415 - wanted when an installer looks

        configuration = self._loaded.configuration
        keys = configuration.trust.keys if configuration is not None else ()
        standing = Shelf(self._options.state_dir).standing
        return set_up_facts(serial(), standing, keys, self._phone.view.last_bundle)

    def _page_lines(self) -> tuple[str, ...]:
        """Return what the display says, as far as it is nobody's business but the handset's."""
        view = about_nobody(self._phone.view)
        return lines_of(self._artist.page(view, self._family, time.strftime("%H:%M")))

    def _tell_page(self, view: PhoneView, clock_text: str) -> None:
        """Put what the display shows, and what the phone did, into words on the simulator's page."""
        page = self._devices.page
        if page is None:
            return
        page.describe(spoken(self._artist.page(view, self._family, clock_text), None))
        for line in changes(self._told, view):
            page.note(line)
        self._told = view

    def _change_family(self, family: str) -> None:
        self._family = family
        self._show(self._phone.view)

    def _speak(self, view: PhoneView) -> None:
        """Say what is new on the display where that is wanted, in its language; numbers are told of in it, too."""
        language = view.look.language or self._language
        if language != self._spoken_language:
            self._spoken_language = language
            asyncio.get_running_loop().run_in_executor(None, self._directory.speak, language)
        if view.spoken:
            self._narrator.show(self._artist.page(view, self._family, ""), language)
        else:
            self._narrator.rest()

    def _speak_from_thread(self, loop: asyncio.AbstractEventLoop, sound: bytes) -> None:
        with suppress(RuntimeError):
            # The main loop is closed: nobody is to hear anything any more.
            loop.call_soon_threadsafe(self._play_speech, sound)

    def _play_speech(self, sound: bytes) -> None:
        view = self._phone.view
        if view.spoken:
            (self._audio if view.off_hook or view.speaker else self._devices.ringer).play(sound)

    def _tick(self) -> None:
        """Say which minute it is, and show it."""
        now = time.localtime()
        self._bus.post(MinuteStarted(now.tm_wday, now.tm_hour * _MINUTES_AN_HOUR + now.tm_min, clock.is_synchronised()))
        self._show(self._phone.view)
        delay_s = _SECONDS_A_MINUTE - time.time() % _SECONDS_A_MINUTE
        self._minute = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _stop_ticking(self) -> None:
        if self._minute is not None:
            self._minute.cancel()

    # --- faults and their words ---------------------------------------------------------------------------------------

    def _note_records_fault(self, problem: Problem | None, sentence: str) -> None:
        self._records_fault = sentence or None
        for other in (Problem.STORE_UNREADABLE, Problem.STORE_FULL):
            if other is not problem:
                self._bus.post(ProblemCleared(other))
        if problem is not None:
            self._bus.post(ProblemRaised(problem, sentence))

    def _note_consents(self, state: ConsentState) -> None:
        self._ledger_fault = "" if state.damage is None else damage_words(state.damage)
        self._bus.post(ConsentsChanged(state.all_granted, state.activated, state.age_band, state.all_lapsed))
        if self._ledger_fault:
            self._bus.post(ProblemRaised(Problem.LEDGER_DAMAGED, self._ledger_fault))
        else:
            self._bus.post(ProblemCleared(Problem.LEDGER_DAMAGED))

    def _note_broker(self, state: BrokerState, problem: BrokerProblem) -> None:
        self._broker = (state, problem)
        self._watch.note_broker(state)
        raised = {
            BrokerState.REFUSED: Problem.BROKER_REFUSED,
            BrokerState.UNREACHABLE: Problem.BROKER_UNREACHABLE,
        }.get(state)
        if state is not BrokerState.CONNECTING:
            for other in (Problem.BROKER_REFUSED, Problem.BROKER_UNREACHABLE):
                if other is not raised:
                    self._bus.post(ProblemCleared(other))
        if raised is not None:
            self._bus.post(ProblemRaised(raised))

    async def _condition(self) -> Condition:
        view = self._phone.view
        return Condition(
            configuration=self._loaded,
            registration=RegistrationChanged(view.registration, view.registration_failure, view.registration_sip_code),
            device_faults=self._faults.sentences | self._sound_faults(view),
            sound=str(self._audio.counters),
            sound_format=await asyncio.to_thread(best_format),
            store_fault=self._records_fault,
            store_waits=self._records is not None and self._records.keyring.waits_for_pin,
            guards=self._records.keyring.guards if self._records is not None else None,
            ledger_fault=self._ledger_fault,
            waiting_messages=await self._waiting_messages(),
            broker_state=self._broker[0] if self._broker else None,
            broker_code=self._broker[1] if self._broker else "",
            traffic=await self._traffic(),
            clock_synchronised=clock.is_synchronised(),
            sip_build=str(self._sip.build_report) if self._sip and self._sip.build_report else None,
            sip_fault=next((detail for problem, detail in view.problems if problem in NO_CALLS), None),
            speech_fault=self._narrator.fault,
            bundles=self._bundles.standing if self._bundles is not None else None,
        )

    def _report_device_faults(self) -> None:
        # Before the phone is awake the inbox keeps it.
        self._inbox.post(ProblemRaised(Problem.DEVICE_BROKEN, " ".join(self._faults.sentences.values())))

    @staticmethod
    def _sound_faults(view: PhoneView) -> dict[str, str]:
        detail = dict(view.problems).get(Problem.SOUND_MISSING)
        return {} if detail is None else {"audio": detail}

    async def _traffic(self) -> DailyTraffic | None:
        if self._records is None or self._loaded.configuration is None or self._loaded.configuration.sync is None:
            return None
        with suppress(HandsetError):
            return await self._records.traffic.daily()
        return None

    async def _waiting_messages(self) -> int:
        if self._records is None:
            return 0
        try:
            return await self._records.outbox.waiting()
        except HandsetError:
            return 0


def _send_text(sip: SipStack, address: SipUri, message_id: str, text: str) -> None:
    sip.send_message(message_id, address, text, "")


def _identity(configuration: Configuration | None) -> Identity:
    if configuration is None:
        return Identity()
    servers = tuple(
        (account.label or account.username, ", ".join(f"{host}:{port}" for host, port in account.addresses))
        for account in configuration.accounts
    )
    return Identity(configuration.device.id, configuration.device.fleet, servers)


def _status_words(view: PhoneView) -> str:
    """Describe the phone for `systemctl status`: words only, nobody's number."""
    line = view.registration.replace("_", " ")
    if view.registration_failure is not None:
        line += f" ({view.registration_failure.replace('_', ' ')})"
    problems = "".join(f"; {problem.replace('_', ' ')}" for problem, _ in view.problems)
    return f"{view.mode.replace('_', ' ')}; line {line}{problems}"
