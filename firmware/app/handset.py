"""The composition root: the one place that builds adapters and drivers and ties them together."""

import asyncio
import logging
import os
import secrets
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contract.consent import Channel
from firmware.app.boot import Early, Options
from firmware.app.bus import Bus
from firmware.app.devices import Settings, StartedDevice, build_devices, post_keys
from firmware.app.memory import SLOW_THREAD_LIMIT_S, Memory
from firmware.app.microphone_watch import MicrophoneWatch
from firmware.app.roles import admin_handlers, first_bundle_handlers, stick_handlers, sync_handlers
from firmware.app.updates import CallMark, firmware_standing, open_update_service
from firmware.app.user_interface import UserInterface, status_words
from firmware.base.errors import ControlError, MediaError
from firmware.base.heartbeats import Health, SystemdNotifier, feed_watchdog
from firmware.base.numbering.directory import TABLE_PATH, NumberDirectory
from firmware.configuration.config_store import ConfigStore
from firmware.control.requests import Role
from firmware.control.server import ControlServer, Handler
from firmware.display.families import has_chinese
from firmware.display.families.rom import GLYPHS
from firmware.phone.call import CallId, SipUri
from firmware.phone.events import Event, HandsetLifted, HandsetReplaced, MinuteStarted, TextTyped
from firmware.phone.news import CallsFound, Problem, ProblemCleared, ProblemRaised
from firmware.phone.orders import SendMessage
from firmware.phone.phone import Phone
from firmware.phone.requests.handset import Facts
from firmware.phone.requests.pin import StoreGuarded, StoreWaitsForPin
from firmware.phone.view import PhoneView
from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.ports.sound import SOUND_RATE_HZ
from firmware.services import clock
from firmware.services.cancelling import Cancelling
from firmware.services.clock import Minutes
from firmware.services.doctor.condition import read_condition
from firmware.services.doctor.findings import Condition
from firmware.services.faults import DeviceFaults, Faults
from firmware.services.handlers import Services, errand_handlers
from firmware.services.line_watch import LineWatch
from firmware.services.operator.verification import SipVerifier
from firmware.services.recording.player import RecordingPlayer
from firmware.services.recording.recorder import Announcer, CallRecorder
from firmware.services.runner import ErrandRunner
from firmware.services.self_test import kept_self_test
from firmware.settings.phone import identity, phone_settings
from firmware.settings.records import announcement, greeting, issuer
from firmware.setup.bundles.opening import open_bundle_service
from firmware.setup.bundles.watch import PhoneWatch
from firmware.setup.site_key import NAME as SITE_KEY
from firmware.store.guardian_mark import GuardianMark
from firmware.voice.audio.recorder import SoundRecorder
from firmware.voice.audio.ring_tone import load_ring_tone
from firmware.voice.audio.tones import key_click
from firmware.voice.client import Ties
from firmware.voice.kept_line import forget
from firmware.voice.messages import ForgetCall, Report
from provisioning.schema import Configuration
from provisioning.serial import serial

if TYPE_CHECKING:
    from firmware.setup.bundles.service import BundleService

_log = logging.getLogger(__name__)

# Where the kernel says who has which sound device; a simulated phone shares those of the computer with others.
_SOUND_STATUS: Final = Path("/proc/asound")
_HOOK_PATIENCE_S: Final = 1.0


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
        self._health = Health()
        self._voice = early.voice
        self._found: asyncio.Future[frozenset[CallId]] = asyncio.get_running_loop().create_future()
        self._notifier = SystemdNotifier()
        self._device_faults = DeviceFaults(self._report_device_faults)
        self._running = AsyncExitStack()
        self._settling: asyncio.Task[None] | None = None
        self._player: RecordingPlayer | None = None
        self._watch = PhoneWatch()
        self._line_watch = LineWatch()
        self._bundles: BundleService | None = None

    async def start(self) -> None:
        """Start every part; one that fails is named on the display and in `doctor`, and the rest goes on."""
        configuration = self._loaded.configuration
        device_settings = Settings.of(configuration)
        family = device_settings.display.family
        # Without a font that has Chinese, words that can be read are better than boxes.
        language = configuration.device.language if configuration and has_chinese(family) else "en"
        country = device_settings.country
        self._phone = Phone(phone_settings(self._loaded, serial()), lambda: CallId(secrets.token_hex(16)))
        self._directory = NumberDirectory(TABLE_PATH, language)
        self._attribute = partial(self._directory.describe, country=country)
        self._devices = build_devices(
            device_settings,
            simulator_dir=self._options.runtime_dir if self._options.simulated_devices else None,
            glyphs=GLYPHS,
        )
        self._user_interface = UserInterface(
            self._devices,
            self._voice,
            family=family,
            language=language,
            view=lambda: self._phone.view,
            show=self._show,
            load_picture=lambda picture: self._memory.load_picture(picture),  # noqa: PLW0108 - it is made below
            when_language_changed=self._directory.speak,
            heartbeat=self._health.register("display", SLOW_THREAD_LIMIT_S),
            on_failure=lambda sentence: self._device_faults.note("display", sentence),
        )
        self._bus = Bus(
            self._phone,
            voice=self._voice,
            indicator=self._devices.indicator,
            show=self._show,
            has_line=configuration is not None,
            ringer_light=self._devices.ringer_light,
            set_brightness=self._user_interface.set_brightness,
            key_click=key_click(SOUND_RATE_HZ),
            attribute=self._attribute,
        )
        self._bus.when_written = lambda call_id: self._voice.order(ForgetCall(call_id))
        self._faults = Faults(self._bus.post)
        self._memory = Memory(
            self._options.state_dir,
            self._loaded,
            self._bus,
            self._faults,
            start_anew=self._start_anew,
            running=self._running,
        )
        self._call_mark = CallMark(self._options.runtime_dir / "in-call")
        self._updates = open_update_service(
            self._options, self._loaded, self._health, self._watch, memory=self._memory,
            user_interface=self._user_interface, bundles=lambda: self._bundles, post=self._bus.post,
        )  # fmt: skip
        self._minutes = Minutes(self._begin_minute)
        self._bus.start()
        self._start_devices()
        await self._start_page()
        self._start_phone()
        self._load_ring_tone(configuration)
        self._directory.start()
        await self._start_records(configuration)
        if self._memory.records is None:
            self._bus.write_to(None)
        await self._start_sockets()
        if self._bundles is not None:
            self._bundles.start()
        self._updates.start()
        self._running.push_async_callback(self._updates.stop)
        self._start_watchdog()
        _log.info("The handset is ready")

    async def stop(self) -> None:
        """Stop everything, last started first; calls are ended and their records written."""
        if not self.starts_anew:
            # systemd would end the process that is to go on.
            self._notifier.stopping()
        # Calls end while the store is still open, so that their records are written.
        await self._voice.stop()
        await self._bus.stop()
        await self._running.aclose()
        _log.info("The handset has stopped")

    # --- starting, in order -------------------------------------------------------------------------------------------

    def _start_devices(self) -> None:
        devices, faults = self._devices, self._device_faults
        self._user_interface.start()
        self._running.callback(self._user_interface.stop)
        post_keys(devices.keypad, self._post_from_thread)
        devices.hook_switch.when_lifted = lambda: self._post_from_thread(HandsetLifted())
        devices.hook_switch.when_replaced = lambda: self._post_from_thread(HandsetReplaced())
        parts: dict[str, StartedDevice] = {
            "indicator": devices.indicator,
            "keypad": devices.keypad,
            "hook switch": devices.hook_switch,
        }
        for part, device in parts.items():
            if faults.attempt(part, device.start):
                self._running.callback(faults.attempt, part, device.stop)

    def _start_phone(self) -> None:
        self._bus.wake_phone()
        microphone = MicrophoneWatch(
            self._bus.post,
            lambda: self._voice.replace("the microphone records without an order"),
            folder=self._options.runtime_dir / "asound" if self._options.simulated_devices else _SOUND_STATUS,
        )
        self._voice.start(
            Ties(
                post=self._bus.post,
                found=self._take_over,
                note_ringer=self._note_ringer,
                note_talk=microphone.note_order,
                note_pid=microphone.note_voice,
            )
        )
        watching = asyncio.create_task(microphone.run(), name="microphone")
        self._running.callback(watching.cancel)
        if self._loaded.from_last_good:
            self._bus.post(ProblemRaised(Problem.CONFIGURATION, " ".join(self._loaded.mistakes)))
        if not clock.is_plausible():
            self._bus.post(ProblemRaised(Problem.CLOCK_NOT_SET))
        noticing = asyncio.create_task(self._notice_hook(), name="hook")
        self._running.callback(noticing.cancel)
        self._minutes.start()
        self._running.callback(self._minutes.stop)

    def _load_ring_tone(self, configuration: Configuration | None) -> None:
        if configuration is None or (path := configuration.ringer.tone) is None:
            return

        async def load() -> None:
            try:
                self._voice.use_ring_tone(await asyncio.to_thread(load_ring_tone, path))
            except MediaError as error:
                self._device_faults.note("ringer", str(error))

        loading = asyncio.create_task(load(), name="ring tone")
        self._running.callback(loading.cancel)

    async def _start_page(self) -> None:
        if (page := self._devices.page) is not None:
            page.when_family_changed = self._user_interface.change_family
            page.when_typed = lambda text: self._bus.post(TextTyped(text))
            await page.start()
            self._running.callback(page.stop)

    async def _start_records(self, configuration: Configuration | None) -> None:
        if not await self._memory.finish_reset():
            return
        await self._memory.forget_files()
        self._memory.open(self._health)
        self._cancelling = Cancelling(
            self._memory.records,
            self._options.state_dir,
            self._loaded,
            start_anew=self._start_anew,
            on_fault=self._faults.note_store,
        )
        await self._open_bundles()
        self._start_recorder(configuration)
        self._start_errands(configuration)
        if self._memory.records is not None:
            self._bus.post(StoreGuarded(self._memory.records.keyring.guards))
            if self._memory.records.keyring.waits_for_pin:
                self._bus.post(StoreWaitsForPin())
            self._memory.records.documents.updates.port = self._updates
            await self._memory.records.start(self._take_up_store)
            self._memory.write()
            self._memory.settle_calls(self._memory.records, self._found)

    async def _open_bundles(self) -> None:
        """Get ready to take bundles in, and to try the one that this run was started with."""
        self._bundles = await open_bundle_service(
            self._options.state_dir,
            self._options.runtime_dir,
            self._loaded,
            self._memory.records,
            watch=self._watch,
            post=self._bus.post,
            try_sound=self._voice.try_sound,
            pictures_changed=self._user_interface.show_new_pictures,
            reset=self._memory.order_to_reset(Channel.STICK),
            start_anew=self._start_anew,
            site_key=self._options.configuration.parent / SITE_KEY,
        )
        if self._bundles is not None:
            self._running.push_async_callback(self._bundles.stop)

    def _start_recorder(self, configuration: Configuration | None) -> None:
        if configuration is None or (records := self._memory.records) is None:
            return
        rate_hz = configuration.sound.rate_hz
        sound = SoundRecorder(
            self._voice.tap,
            self._health.register("recorder", SLOW_THREAD_LIMIT_S),
            rate_hz=rate_hz,
            period_frames=rate_hz * configuration.sound.period_ms // 1000,
        )
        sound.start()
        self._running.callback(sound.stop)
        kilobits = configuration.recording.bitrate_kbps
        recorder = CallRecorder(sound, records.recordings, self._bus.post, bitrate_kbps=kilobits)
        self._bus.recorder = recorder
        self._running.push_async_callback(recorder.stop)
        greet = greeting(lambda: self._user_interface.language)
        announcer = self._bus.announcer = Announcer(self._voice, self._bus.post, announcement(configuration), greet)
        preparation = asyncio.get_running_loop().create_task(announcer.prepare(), name="announcement")
        self._running.callback(preparation.cancel)
        self._player = RecordingPlayer(records.recordings, self._voice.listen_to, self._bus.post)
        self._running.push_async_callback(self._player.close)

    def _start_errands(self, configuration: Configuration | None) -> None:
        bundles = self._bundles.handlers if self._bundles is not None else {}
        runner = ErrandRunner(
            errand_handlers(
                Services(
                    records=self._memory.records,
                    player=self._player,
                    state_dir=self._options.state_dir,
                    exchange_dir=self._memory.exchange_dir,
                    exports=self._memory.exports,
                    restorer=self._memory.restorer,
                    inbox=self._memory.inbox,
                    forgotten_pin=self._memory.forgotten_pin,
                    note_files=self._faults.note_files,
                    forget_bundles=ConfigStore(self._options.state_dir).forget_bundles,
                    identity=identity(configuration),
                    issuer=issuer(configuration),
                    condition=self._condition,
                    start_anew=self._start_anew,
                    resetting=self._memory.resetting,
                    pictures_changed=self._user_interface.show_new_pictures,
                    attribute=self._attribute,
                    language=lambda: self._user_interface.language,
                    cancel=self._cancelling.begin,
                    reload=self._bus.load_from_store,
                    loudness=self._voice.loudness,
                    verifier=self._make_verifier(configuration),
                    set_up_facts=self._set_up_facts,
                ),
                self._bus.post,
            )
            | bundles
            | self._updates.handlers,
            self._bus.post,
        )
        self._bus.errands = runner
        self._running.push_async_callback(runner.stop)

    def _make_verifier(self, configuration: Configuration | None) -> SipVerifier | None:
        if configuration is None or not (address := configuration.operator.verification):
            return None
        verifier = SipVerifier(
            address, lambda reference, text: self._voice.order(SendMessage(reference, SipUri(address), text))
        )
        self._bus.takes_instead = verifier.takes
        return verifier

    def _take_up_store(self) -> None:
        self._memory.write()
        self._settling = asyncio.create_task(self._memory.settle_recipients(), name="recipients")
        self._user_interface.forget_pictures()
        self._bus.load_from_store()
        if self._bundles is not None:
            self._bundles.store_opened()

    def _start_anew(self) -> None:
        self.starts_anew = True
        forget(self._options.runtime_dir)
        self._end()

    async def _start_sockets(self) -> None:
        handlers: dict[Role, Mapping[str, Handler]] = {
            Role.ADMIN: admin_handlers(
                self._memory.records,
                view=lambda: self._phone.view,
                page_lines=self._user_interface.lines,
                condition=self._condition,
                own_condition=self._own_condition,
                copy_parts=self._memory.copy_parts,
                exports=self._memory.command_exports,
                resetting=self._memory.resetting,
                guardian_mark=GuardianMark(self._options.state_dir),
                pictures_changed=self._user_interface.show_new_pictures,
                contacts_changed=self._memory.tell_blocked_contacts,
                bundles=lambda: self._bundles,
                updates=self._updates,
            )
        }
        sync = sync_handlers(
            self._memory.records,
            self._memory.outbox,
            self._memory.make_cancellation_outbox,
            self._memory.broker_settings,
            reset=self._memory.order_to_reset(Channel.NETWORK),
            note_broker=self._note_broker,
            line=self._line_watch,
            intake=self._bundles.intake if self._bundles is not None else None,
        )
        if sync is not None:
            handlers[Role.SYNC] = sync
        if self._bundles is not None:
            handlers[Role.STICK] = stick_handlers(
                self._bundles.intake,
                self._memory.exports,
                self._bus.post,
                self._memory.inbox,
                self._updates,
                hardware=partial(kept_self_test, self._options.state_dir),
            )
            if self._loaded.installed is None:
                # That they are there has systemd start whoever looks for a bundle on the local network, or fetches it.
                handlers |= first_bundle_handlers(self._bundles.intake)
        server = ControlServer(self._options.runtime_dir, handlers)
        try:
            await server.start()
        except ControlError as error:
            # The phone works without its sockets; only the administrator and the broker go without.
            _log.error("%s", error)
            return
        self._running.push_async_callback(server.stop)

    def _start_watchdog(self) -> None:
        watchdog = asyncio.create_task(feed_watchdog(self._notifier, self._health, asyncio.sleep), name="watchdog")
        self._running.callback(watchdog.cancel)
        self._notifier.status(status_words(self._phone.view))
        self._notifier.ready()

    # --- events in, pages out -----------------------------------------------------------------------------------------

    def _post_from_thread(self, event: Event) -> None:
        self._bus.post_threadsafe(event)

    def _show(self, view: PhoneView) -> None:
        self._user_interface.show(view)
        self._notifier.status(status_words(view))
        self._watch.note_view(view)
        self._line_watch.note_view(view)
        self._call_mark.note_view(view)

    def _begin_minute(self, minute: MinuteStarted) -> None:
        self._bus.post(minute)
        self._user_interface.show_again()

    def _set_up_facts(self) -> Facts:
        """Read which bundle has set the handset up; waits for the card."""
        from firmware.services.set_up_facts import set_up_facts  # noqa: PLC0415 - wanted when an installer looks

        configuration = self._loaded.configuration
        keys = configuration.trust.keys if configuration is not None else ()
        standing = ConfigStore(self._options.state_dir).standing
        return set_up_facts(serial(), standing, keys, self._phone.view.last_bundle)

    def _note_broker(self, state: BrokerState, problem: BrokerProblem) -> None:
        self._faults.note_broker(state, problem)
        self._watch.note_broker(state)

    async def _condition(self) -> Condition:
        return await self._own_condition(await self._voice.report())

    async def _own_condition(self, voice: Report | None = None) -> Condition:
        return await read_condition(
            self._loaded,
            self._phone.view,
            faults=self._faults,
            device_faults=self._device_faults.sentences,
            speech_fault=self._user_interface.speech_fault,
            voice=voice,
            records=self._memory.records,
            bundles=self._bundles.standing if self._bundles is not None else None,
            updates=firmware_standing(self._updates),
            hardware=await asyncio.to_thread(kept_self_test, self._options.state_dir),
        )

    def _report_device_faults(self) -> None:
        sentences = " ".join(self._device_faults.sentences.values())
        problem = Problem.DEVICE_BROKEN
        self._post_from_thread(ProblemRaised(problem, sentences) if sentences else ProblemCleared(problem))

    def _take_over(self, found: CallsFound) -> None:
        """Go on with the calls that voice kept, before anything else happens."""
        self._bus.post(replace(found, off_hook=self._devices.hook_switch.is_off_hook))
        self._found.set_result(frozenset(call.call_id for call in found.calls))

    async def _notice_hook(self) -> None:
        """Notice a handset that was lifted before the start, unless voice is about to say what it is lifted for."""
        await asyncio.wait({self._found}, timeout=_HOOK_PATIENCE_S)
        if not self._found.done() and self._devices.hook_switch.is_off_hook and not self._phone.view.off_hook:
            self._bus.post(HandsetLifted())

    def _note_ringer(self, sentence: str) -> None:
        if sentence:
            self._device_faults.note("ringer", sentence)
        else:
            self._device_faults.forget("ringer")
