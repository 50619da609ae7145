"""All that voice plays on: the SIP stack, the audio loop, the ringer; which order goes where, and its networks."""

import ipaddress
import logging
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from drivers.ringer import AlsaRinger
from drivers.sound import AlsaSoundCard
from firmware.base.errors import MediaError
from firmware.base.heartbeats import Health
from firmware.base.interfaces import addresses
from firmware.phone import orders as o
from firmware.phone.news import ProblemRaised, VoiceNews
from firmware.phone.orders import AudioRoute, LineOrder
from firmware.voice.audio.loop import AudioLoop
from firmware.voice.audio.sound_pipe import PipeSource, PipeTap
from firmware.voice.audio.tone_plans import tone_plan
from firmware.voice.messages import (
    GATEWAY,
    NAME_SERVER,
    SIGNAL,
    Announce,
    AnnouncementOver,
    AskLoudness,
    ListenTo,
    News,
    Order,
    PlaySound,
    Report,
    RingerFault,
    SoundTried,
    Tap,
    TrySound,
    UseRingTone,
)
from firmware.voice.paging import PagingListener
from firmware.voice.settings import CardSettings, VoiceSettings
from firmware.voice.sip.stack import PjsuaStack

_log = logging.getLogger(__name__)

_SIP_LIMIT_S: Final = 20.0
_AUDIO_LIMIT_S: Final = 20.0
_PAGING_LIMIT_S: Final = 20.0
_MOST_SOUND_BYTES: Final = 8_000_000
_LONGEST_SENTENCE: Final = 500
"""Of what the handset believes."""

_IPV4_ROUTES: Final = Path("/proc/net/route")
_WIRELESS: Final = Path("/proc/net/wireless")
_RESOLVER: Final = Path("/etc/resolv.conf")
_IPV4: Final = 4
_GATEWAY_FLAG: Final = 0x2  # RTF_GATEWAY of linux/route.h
_ROUTE_FIELDS: Final = 4
_LEVEL: Final = re.compile(r"\s*\w+:\s+\w+\s+[\d.]+\s+(-\d+)\.?\s")
_MOST: Final = 60


class Instruments:
    """Starts them, plays on them, stops them; every method returns at once but `stop`."""

    def __init__(self, settings: VoiceSettings, health: Health, tell: Callable[[News], None]) -> None:
        """Start nothing yet.

        Args:
            settings: of everything.
            health: watches the threads.
            tell: takes news, from any thread.
        """
        self._tell = tell
        self._stack = PjsuaStack(settings.sip, health.register("sip", _SIP_LIMIT_S)) if settings.sip else None
        self._card = _card(settings.card, settings)
        self._speaker_card = _card(settings.speaker_card, settings) if settings.speaker_card else None
        self._tap = PipeTap(period_frames=self._card.period_frames)
        self._audio = AudioLoop(
            self._card,
            country=settings.country,
            heartbeat=health.register("audio", _AUDIO_LIMIT_S),
            post=self._post,
            speaker_card=self._speaker_card,
            handset_near_end=settings.handset_near_end,
            speaker_near_end=settings.speaker_near_end,
            sidetone_percent=settings.sidetone_percent,
            comfort_noise=settings.comfort_noise,
            tap=self._tap,
        )
        self._ringer = AlsaRinger(
            settings.ringer_playback,
            cadence_ms=tone_plan(settings.country).ring_cadence_ms,
            volume_percent=settings.ringer_volume_percent,
            on_fault=lambda sentence: tell(RingerFault(sentence[:_LONGEST_SENTENCE])),
            on_recovery=lambda: tell(RingerFault("")),
        )
        beat = health.register("paging", _PAGING_LIMIT_S, starts_later=True)
        self._paging = PagingListener(settings.paging, self._post, beat)

    def start(self) -> None:
        """Begin to register, and to sound."""
        if self._stack is not None:
            self._stack.start(self._post)
        try:
            self._audio.start(self._stack.audio_port if self._stack is not None else None)
        except MediaError as error:
            _log.error("%s", error)
        self._ringer.start()
        self._paging.start()

    def stop(self) -> None:
        """End calls, unregister, shut every device; takes some two seconds where the server is gone."""
        if self._stack is not None:
            self._stack.stop()
        self._paging.stop()
        self._audio.stop()
        self._ringer.stop()

    def handset_gone(self, *, has_calls: bool) -> None:
        """Go on with calls, if there are any, and sound for nothing else."""
        self._tap.close()
        self._audio.listen_to(None)
        if not has_calls:
            self._audio.stop_tone()
            self._audio.close()
            self._ringer.silence()

    def end_calls(self) -> None:
        """End every call, and shut everything."""
        if self._stack is not None:
            self._stack.hang_up_all()
        self.handset_gone(has_calls=False)

    def report(self) -> Report:
        """Say how everything is."""
        build = self._stack.build_report if self._stack is not None else None
        sip_build = str(build)[:_LONGEST_SENTENCE] if build is not None else ""
        return Report(sip_build, str(self._audio.counters)[:_LONGEST_SENTENCE], network_facts())

    def _post(self, event: VoiceNews) -> None:
        if isinstance(event, ProblemRaised):
            self._tell(replace(event, detail=event.detail[:_LONGEST_SENTENCE]))
        elif isinstance(event, VoiceNews):
            self._tell(event)

    def do(self, order: Order, file: int | None) -> None:  # noqa: C901, PLR0912 - one flat table: a case for each order
        """Do what the handset orders; `file` is the caller's to close."""
        match order:
            case o.OpenAudio(talk, speaker, unattended):
                self._audio.open(talk=talk, speaker=speaker, unattended=unattended)
            case o.CloseAudio():
                self._audio.close()
            case o.SetMute(muted):
                self._audio.set_muted(muted=muted)
            case o.SetEar(preset, boosted):
                self._audio.set_ear(preset, boosted=boosted)
            case o.LowerNoise(lowered):
                self._audio.lower_noise(lowered=lowered)
            case o.SetVolume(AudioRoute.RINGER, percent):
                self._ringer.set_volume(percent)
            case o.SetVolume(route, percent):
                self._audio.set_volume(route, percent)
            case o.PlayTone(tone):
                self._audio.play_tone(tone)
            case o.StopTone():
                self._audio.stop_tone()
            case o.HearPage(group):
                self._audio.listen_to(self._paging.sound_of(group))
            case o.StartRinging(pattern, rises):
                self._ringer.ring(pattern, rises=rises)
            case o.StopRinging():
                self._ringer.silence()
            case PlaySound(in_ear=True, beside_call=beside_call):
                self._audio.play(_sound(file), beside_call=beside_call)
            case PlaySound():
                self._ringer.play(_sound(file))
            case Announce(number):
                self._audio.announce(_sound(file), lambda made: self._tell(AnnouncementOver(number, made)))
            case UseRingTone():
                self._ringer.use_tone(_sound(file))
            case ListenTo() if file is not None:
                self._audio.listen_to(PipeSource(os.dup(file)))
            case Tap() if file is not None:
                self._tap.open(os.dup(file))
            case AskLoudness():
                self._tell(self._audio.take_loudness())
            case TrySound():
                threading.Thread(target=self._try_sound, name="sound trial", daemon=True).start()
            case _:
                if self._stack is not None and isinstance(order, LineOrder):
                    self._stack.order(order)

    def _try_sound(self) -> None:
        """Open every device and shut it again: nothing is played, and nothing recorded."""
        cards = [card for card in (self._card, self._speaker_card) if card is not None]
        tried: Literal["sound", "microphone"] = "sound"
        try:
            for card in cards:
                card.open_playback().close()
            tried = "microphone"
            for card in cards:
                card.check_capture()
        except OSError as error:
            _log.warning("%s", error)
            self._tell(SoundTried(tried))
        else:
            self._tell(SoundTried(""))


def _card(card: CardSettings, settings: VoiceSettings) -> AlsaSoundCard:
    return AlsaSoundCard(
        playback=card.playback,
        capture=card.capture,
        mixer_card=card.mixer_card,
        mixer_element=card.mixer_element,
        rate_hz=settings.rate_hz,
        period_frames=settings.rate_hz * settings.period_ms // 1000,
        prefill_frames=settings.rate_hz * settings.prefill_ms // 1000,
    )


def _sound(file: int | None) -> bytes:
    """Return the sound in a file, silence where there is none."""
    if file is None or (size := os.fstat(file).st_size) > _MOST_SOUND_BYTES:
        return b""
    return os.pread(file, size, 0)


def network_facts() -> tuple[tuple[str, str], ...]:
    """Return each interface with an address of its own, GATEWAY and NAME_SERVER with theirs, and SIGNAL of Wi-Fi."""
    facts = [
        *_addresses(),
        *((GATEWAY, gateway) for gateway in _gateways()),
        *((NAME_SERVER, server) for server in _name_servers()),
        *((SIGNAL, f"{match[1]} dBm") for line in _lines(_WIRELESS) if (match := _LEVEL.match(line))),
    ]
    return tuple(facts[:_MOST])


def _addresses() -> Iterator[tuple[str, str]]:
    """Give each interface's main IPv4 address, then those of IPv6 that reach beyond its link."""
    try:
        known = list(addresses())
    except OSError:
        return
    for _, name in socket.if_nameindex():
        if name == "lo":
            continue
        own = [address for interface, address in known if interface == name]
        yield from ((name, str(address)) for address in [each for each in own if each.version == _IPV4][:1])
        yield from ((name, str(address)) for address in own if address.version != _IPV4 and not address.is_link_local)


def _gateways() -> Iterator[str]:
    for line in _lines(_IPV4_ROUTES)[1:]:
        fields = line.split()
        if len(fields) >= _ROUTE_FIELDS and fields[1] == "00000000" and int(fields[3], 16) & _GATEWAY_FLAG:
            yield str(ipaddress.IPv4Address(int(fields[2], 16).to_bytes(4, "little")))


def _name_servers() -> list[str]:
    return [match[1] for line in _lines(_RESOLVER) if (match := re.match(r"nameserver\s+(\S+)", line))]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
