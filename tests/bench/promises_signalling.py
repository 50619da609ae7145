"""What signalling, sync and the sound loop promise of times: each promise beside a trivial task of the same moment.

What takes seconds by itself is measured `_FEW` times at most.
"""

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from unittest.mock import patch

from drivers.sound import AlsaSoundCard
from firmware.phone.call import CallId, CallState, RegistrationState, RejectReason, SipUri
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import AudioRoute, HangUpCall, PlaceCall, RejectCall, SignalRinging, Tone
from firmware.ports.broker import BrokerState
from firmware.voice.audio.loop import AudioLoop
from firmware.voice.sip.settings import AccountSettings, ServerName, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.bench.promises import Pair, Series, seconds, wait_until_heard_at
from tests.bench.spoken_call import spoken_call
from tests.fakes.audio_ports import EchoPort
from tests.lab.answering_peer import AnsweringPeer, Settings
from tests.lab.audio import Recorder, Sound, gaps, level, measure_latency, play, tone
from tests.lab.kamailio import Kamailio
from tests.lab.loss_emulator import Line
from tests.lab.operator_site import FRIEND_HZ, HOME, PHONE_HZ, call, operator_site
from tests.lab.patience import wait_until
from tests.lab.pulse import PulseAudio
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_flood import FloodTransport, SipFlood
from tests.lab.sip_line import SipLine
from tests.lab.sipp import Sipp
from tests.lab.stack_process import StackProcess, StackSettings
from tests.lab.sync_site import SyncSite

_USERS: Final = {"alice": "secret", "peer": "other"}
_FEW: Final = 30
_REST_S: Final = 0.05
_LOOK_S: Final = 0.005
_WINDOW_S: Final = 0.4
_HEARD: Final = 1000.0
_NEW_HOME: Final = "10.9.0.77"
_SETTLE_S: Final = 1.5
_FLOOD_PER_S: Final = 2000
_FLOOD_S: Final = 1.0
_BEST_PESQ: Final = 4.64


def measure(folder: Path, samples: int) -> Iterator[Series]:
    """Measure each on peers of its own."""
    few = min(samples, _FEW)
    sources: list[tuple[str, float, Callable[[Path, int], Iterator[Pair]], int]] = [
        ("ringing and declining", 0.02, _ringing, samples),
        ("a call that a silent server is asked for ends", 7.0, _silent_server, few),
        ("the next server takes over from one that died", 5.0, _fail_over, few),
        ("a call goes by the next server", 5.0, _call_fail_over, few),
        ("a registrar that has forgotten the handset knows it", 5.0, _forgotten, few),
        ("a registrar that was restarted knows the handset", 5.0, _restarted, few),
        ("a changed address is registered and heard", 3.0, _changed_address, few),
        ("the SIP stack stops without its server", 2.0, _sip_stop, few),
        ("sync stops", 2.0, _sync_stop, samples),
    ]
    for number, (promise, bar_s, source, count) in enumerate(sources):
        yield seconds(promise, bar_s, "a rest of 50 ms is late", source(folder / str(number), count))
    yield seconds("gap in a call under 2,000 INVITEs a second", 0.06, "before them", _flood(folder / "flood", samples))
    yield from _speech(few)
    pulse = PulseAudio(_made(folder / "pulse"))
    pulse.start()
    with patch.dict(os.environ, pulse.environment):
        late, short = "a rest of 50 ms is late", "before the loop"
        yield seconds("dial tone of the sound loop", 0.1, late, _dial_tone(few))
        yield seconds("delay of the sound loop", 0.055, late, _loop_delay(few))
        yield seconds("gap of the sound loop in a second", 0.04, short, _loop_gap(few))
    pulse.stop()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _late_s() -> float:
    """Return by how much a rest is longer than it should be."""
    began_s = time.monotonic()
    time.sleep(_REST_S)
    return time.monotonic() - began_s - _REST_S


def _timed(task: Callable[[], object]) -> Pair:
    late_s = _late_s()
    began_s = time.monotonic()
    task()
    return time.monotonic() - began_s, late_s


# --- signalling -------------------------------------------------------------------------------------------------------


def _line(*servers: Kamailio, **settings: object) -> SipLine:
    """Return a stack that knows these servers, best first."""
    best, *others = (ServerName("127.0.0.1", server.udp_port) for server in servers)
    account = AccountSettings(
        "alice", "localhost", best.host, best.port, Transport.UDP, _USERS["alice"], srtp=Srtp.OFF,
        fallback_servers=tuple(others),
    )  # fmt: skip
    return SipLine(SipSettings(account, local_port=0, **settings))  # type: ignore[arg-type]


def _is_registered(line: SipLine) -> None:
    line.wait_for_registration(RegistrationState.REGISTERED)


def _ringing(folder: Path, samples: int) -> Iterator[Pair]:
    """From the library's first word of the call to its end; at a pace that the gate lets through."""
    with Kamailio(folder / "server", _USERS) as server, _line(server) as line:
        _is_registered(line)
        with Sipp(
            folder / "sipp", "uac_rejected", server_port=server.udp_port, callee="alice", words={"CODE": "603"},
            calls=samples, calls_per_s=5,
        ):  # fmt: skip
            for _ in range(samples):
                call_id = line.wait_for(IncomingCallReceived).call_id
                began_s = time.monotonic()
                line.stack.order(SignalRinging(call_id))
                line.stack.order(RejectCall(call_id, RejectReason.DECLINED))
                line.wait_for_call(call_id, CallState.DISCONNECTED)
                yield time.monotonic() - began_s, _late_s()


def _place(line: SipLine) -> CallId:
    call_id = CallId(uuid.uuid4().hex)
    line.stack.order(PlaceCall(call_id, SipUri("sip:peer@localhost")))
    return call_id


def _silent_server(folder: Path, samples: int) -> Iterator[Pair]:
    with _line(Kamailio(folder, _USERS)) as line:
        for _ in range(samples):
            yield _timed(lambda: line.wait_for_call(_place(line), CallState.DISCONNECTED))


def _fail_over(folder: Path, samples: int) -> Iterator[Pair]:
    with (
        Kamailio(folder / "best", _USERS) as best,
        Kamailio(folder / "other", _USERS) as other,
        _line(best, other, return_s=2.0),
    ):
        for _ in range(samples):
            wait_until(lambda: best.is_registered("alice") and not other.is_registered("alice"))
            best.kill()
            yield _timed(lambda: wait_until(lambda: other.is_registered("alice"), look_s=_LOOK_S))
            best.start()


def _call_fail_over(folder: Path, samples: int) -> Iterator[Pair]:
    with (
        Kamailio(folder / "best", _USERS) as best,
        Kamailio(folder / "other", _USERS) as other,
        Sipp(folder / "sipp", "uas_answer", calls=samples) as peer,
    ):
        other.route("peer", peer.uri)
        for _ in range(samples):
            with _line(best, other, probe_s=60, binding_check_s=0) as line:
                _is_registered(line)
                best.freeze()
                late_s, began_s = _late_s(), time.monotonic()
                call_id = _place(line)
                line.wait_for_call(call_id, CallState.ACTIVE)
                yield time.monotonic() - began_s, late_s
                line.stack.order(HangUpCall(call_id))
                line.wait_for_call(call_id, CallState.DISCONNECTED)
                best.thaw()


def _forgotten(folder: Path, samples: int) -> Iterator[Pair]:
    with Kamailio(folder, _USERS) as server, _line(server) as line:
        _is_registered(line)
        for _ in range(samples):
            server.forget("alice")
            yield _timed(lambda: wait_until(lambda: server.is_registered("alice"), look_s=_LOOK_S))


def _restarted(folder: Path, samples: int) -> Iterator[Pair]:
    with Kamailio(folder, _USERS) as server, _line(server, probe_s=1.0) as line:
        _is_registered(line)
        for _ in range(samples):
            server.kill()
            line.wait_for_registration(RegistrationState.FAILED)
            line.forget()
            server.start()
            yield _timed(lambda: _is_registered(line))


def _changed_address(folder: Path, samples: int) -> Iterator[Pair]:
    with (
        operator_site(folder, ipv6=False) as site,
        site.friend() as friend,
        site.phone(site.account("alice")) as phone,
    ):
        _is_registered(phone)
        call(phone, friend)
        for number in range(samples):
            _hear_each_other(phone, friend)
            # What is heard of the moment before a change is over by the next.
            time.sleep(_SETTLE_S)
            address = HOME if number % 2 else _NEW_HOME

            def is_registered() -> bool:
                return any(address in contact for contact in site.registrar.contacts("alice"))  # noqa: B023 - at once

            def change() -> None:
                site.cable.first.change_addresses(f"{address}/24")  # noqa: B023
                wait_until(is_registered, look_s=_LOOK_S)
                time.sleep(_WINDOW_S)
                _hear_each_other(phone, friend)

            yield _timed(change)


def _hear_each_other(phone: SipLine, friend: SecondPhone) -> None:
    wait_until(lambda: level(friend.last_heard(_WINDOW_S), PHONE_HZ) >= _HEARD)
    wait_until(lambda: level(phone.last_heard(_WINDOW_S), FRIEND_HZ) >= _HEARD)


def _sip_stop(folder: Path, samples: int) -> Iterator[Pair]:
    with Kamailio(folder, _USERS) as server:
        for _ in range(samples):
            with _line(server) as line:
                _is_registered(line)
                server.kill()
                yield _timed(line.stack.stop)
            server.start()


def _sync_stop(folder: Path, samples: int) -> Iterator[Pair]:
    async def stops() -> list[Pair]:
        pairs = []
        async with SyncSite(_made(folder)) as site:
            await site.grant()
            for _ in range(samples):
                already = len(site.reports)
                await site.start_sync()
                await site.wait_for_report(BrokerState.CONNECTED, after=already)
                pairs.append(await asyncio.to_thread(_timed, site.sync.stop))
        return pairs

    yield from asyncio.run(stops())


def _flood(folder: Path, samples: int) -> Iterator[Pair]:
    """Let strangers flood the stack in a call."""
    with Kamailio(folder / "server", _USERS) as server:
        settings = Settings("peer", _USERS["peer"], f"sip:127.0.0.1:{server.udp_port}")
        with (
            AnsweringPeer(settings, folder / "peer.log"),
            StackProcess(folder / "stack", StackSettings("alice", _USERS["alice"], server.udp_port)) as stack,
        ):
            stack.call("sip:peer@localhost")
            time.sleep(_SETTLE_S)
            for number in range(samples):
                before_s = _longest_gap_s(stack)
                flood = SipFlood(
                    folder / f"flood-{number}", stack.port, FloodTransport.UDP, source="127.0.0.9",
                    rate_per_s=_FLOOD_PER_S, count=_FLOOD_PER_S * 60,
                )  # fmt: skip
                with flood:
                    yield _longest_gap_s(stack), before_s


def _longest_gap_s(stack: StackProcess) -> float:
    stack.listen()
    time.sleep(_FLOOD_S)
    return stack.heard().longest_gap_s()


def _speech(samples: int) -> Iterator[Series]:
    """Hear speech over a bad line; a jitter buffer that stays as deep as it began makes 2.0 of it."""
    lost, delays_s, late_s = [], [], []
    for _ in range(samples):
        late_s.append(_late_s())
        _, heard = spoken_call(Line(loss_percent=5, jitter_ms=30))
        lost.append(_BEST_PESQ - heard.pesq)
        delays_s.append(heard.delay_ms / 1000)
    late = "a rest of 50 ms is late"
    yield Series("PESQ that a bad line takes", "points", _BEST_PESQ - 2.4, lost, late, late_s)
    yield Series("mouth to ear over a bad line", "s", 0.18, delays_s, late, late_s)


# --- the sound loop ---------------------------------------------------------------------------------------------------


def _loop() -> AudioLoop:
    card = AlsaSoundCard(playback="ear", capture="mic_monitor", prefill_frames=160)
    loop = AudioLoop(card, country="CN", heartbeat=lambda: None, post=lambda _news: None)
    loop.set_volume(AudioRoute.EARPIECE, 100)
    loop.start(EchoPort())
    return loop


def _dial_tone(samples: int) -> Iterator[Pair]:
    loop = _loop()
    for _ in range(samples):
        late_s = _late_s()
        with Recorder("ear_monitor") as recorder:
            lifted_at_s = time.monotonic()
            loop.open(talk=False)
            loop.play_tone(Tone.DIAL)
            heard_at_s = wait_until_heard_at(recorder, [450])
        loop.stop_tone()
        loop.close()
        wait_until(lambda: not loop.counters.is_playing)
        yield heard_at_s - lifted_at_s, late_s
    loop.stop()


def _loop_delay(samples: int) -> Iterator[Pair]:
    loop = _loop()
    loop.open(talk=True)
    wait_until(lambda: loop.counters.periods > 100)
    for _ in range(samples):
        late_s = _late_s()
        yield measure_latency("mic", "mic_monitor", "ear_monitor", count=3).median_ms / 1000, late_s
    loop.stop()


def _loop_gap(samples: int) -> Iterator[Pair]:
    loop = _loop()
    loop.open(talk=True)
    wait_until(lambda: loop.counters.periods > 100)
    for _ in range(samples):
        with Recorder("ear_monitor") as ear, Recorder("mic_monitor") as microphone:
            play("mic", tone([1000], 1.0))
            yield _gap_s(ear.sound), _gap_s(microphone.sound)
    loop.stop()


def _gap_s(sound: Sound) -> float:
    return max((gap.duration_s for gap in gaps(sound, 1000)), default=0.0)
