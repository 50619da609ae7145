"""Everything real that a handset needs around it, on one machine: registrar, answering peer, broker, sound devices."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Self

from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Transport
from tests.lab.answering_peer import AnsweringPeer, Settings, speak, write_wav
from tests.lab.asterisk import Asterisk
from tests.lab.audio import tone
from tests.lab.certificates import LOOPBACK, CertificateAuthority, IssuedCertificate
from tests.lab.handset import Handset
from tests.lab.kamailio import Kamailio
from tests.lab.mosquitto import Mosquitto
from tests.lab.ports import free_port
from tests.lab.pulse import PulseAudio
from tests.lab.verification_desk import USER as DESK_USER
from tests.lab.verification_desk import VerificationDesk

HANDSET_USER = "201"
PEER_USER = "600"
DEVICE = "demo-1"
FLEET = "demo"
BEEP_S = 0.6
# The loudspeaker, and what its microphone hears.
ROOM = ("room", "room_mic")
GREETING = "Hello. This is the echo line. Say something, and you will hear yourself."


@dataclass(frozen=True, slots=True)
class Choices:
    """How the stage is set.

    Attributes:
        real_card: use the machine's own sound card in place of PulseAudio's null sinks.
        transport: how SIP travels between handset and registrar.
        srtp: whether the handset encrypts call audio.
        greeting: what the peer says before it echoes; nothing where empty.
        beep_hz: a tone of BEEP_S that the peer sounds in place of a greeting; none where 0.
        simulator_port: the page's port; a free one where None.
        extra: more tables for the handset's configuration, by section, merged into what is made here; `account` is
            the handset's account.
        more_accounts: other accounts of the handset, each as what is different about it.
        loudspeaker: whether the handset has one, with a microphone of its own.
        environment: more of the handset's environment.
        pbx: an Asterisk takes the place of the registrar and of the answering peer.
        pbx_endpoint: more lines of each of its endpoints.
        new: nobody has been through the handset's first run.
        proves_number: the operator sends a code to the number of a new handset.
        when_code_is_sent: is told each of these codes.
    """

    real_card: bool = False
    transport: str = "tls"
    srtp: str = "mandatory"
    greeting: str = ""
    beep_hz: int = 0
    simulator_port: int | None = None
    extra: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    more_accounts: Sequence[Mapping[str, Any]] = ()
    loudspeaker: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    pbx: bool = False
    pbx_endpoint: Sequence[str] = ()
    new: bool = False
    proves_number: bool = False
    when_code_is_sent: Callable[[str], None] = field(default=lambda _code: None)


class Stage:
    """Starts the peers and then the handset, and stops them in reverse.

    Attributes:
        kamailio, broker, pulse, peer, handset: the parts; `pulse` is None with a real card.
        pbx: the Asterisk that the handset registers at in place of `kamailio`; None where it does not.
        desk: the operator's, that proves numbers; None where it does not.
        password_of: the SIP passwords by user.
    """

    def __init__(
        self,
        folder: Path,
        choices: Choices = Choices(),
        say: Callable[[str], None] = lambda _: None,
        users: Sequence[str] = (),
    ) -> None:
        """Set up without starting.

        Args:
            folder: where everything keeps its files.
            choices: how the stage is set.
            say: is told what is being started.
            users: more that may register.
        """
        self.folder = folder
        self._choices = choices
        self._say = say
        self._running = ExitStack()
        self.authority = CertificateAuthority(folder / "ca")
        own = [HANDSET_USER, *(account["username"] for account in choices.more_accounts)]
        self.password_of = {user: os.urandom(12).hex() for user in (*own, PEER_USER, DESK_USER, *users)}
        server = self.authority.issue("localhost", hosts=LOOPBACK)
        self.kamailio = Kamailio(folder / "kamailio", self.password_of, certificate=server, follows_redirects=True)
        self.pbx = self._asterisk(server) if choices.pbx else None
        self.broker = Mosquitto(folder / "mosquitto", self.authority)
        sinks = ("ear", "mic", "bell", *(ROOM if choices.loudspeaker else ()))
        self.pulse = None if choices.real_card else PulseAudio(folder / "pulse", sinks)
        self.peer = AnsweringPeer(
            Settings(
                PEER_USER,
                self.password_of[PEER_USER],
                f"sip:127.0.0.1:{self.kamailio.udp_port}",
                self._greeting(),
                encrypted=choices.srtp == "mandatory",
            ),
            folder / "peer.log",
        )
        self.desk = self._verification_desk() if choices.proves_number else None
        self.handset = self.new_handset("handset", new=choices.new)

    def new_handset(self, name: str, *, new: bool = False, **extra: Mapping[str, Any]) -> Handset:
        """Make a handset with a folder of its own, to be started by the caller; `stop` stops it where nobody else has.

        Args:
            name: of its folder.
            new: nobody has been through its first run.
            extra: as in Choices, on top of those.
        """
        environment = {**(self.pulse.environment if self.pulse else {}), **self._choices.environment}
        handset = Handset(
            self.folder / name,
            self._configuration(extra),
            environment,
            simulator_port=self._choices.simulator_port,
            new=new,
        )
        self._running.callback(handset.stop)
        return handset

    def start(self, *, handset: bool = True, sync: bool = True) -> Self:
        """Start everything; what cannot start says so and takes the rest down again.

        Args:
            handset: start `handset` too, not only what is around it.
            sync: start its sync process too.
        """
        try:
            asterisk = "PBX (Asterisk; the first time it is fetched from Debian's archive)"
            self._start("registrar (Kamailio)" if self.pbx is None else asterisk, self.registrar)
            self._start("MQTT broker (mosquitto)", self.broker)
            if self.pulse is not None:
                self._start("sound devices (PulseAudio null sinks)", self.pulse)
            if self.pbx is None:
                self._start("answering peer", self.peer)
            if self.desk is not None:
                self._start("operator's desk that proves numbers", self.desk)
            if handset:
                self._say("starting the handset and its sync process")
                self._running.callback(self.handset.stop)
                self.handset.start(sync=sync)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything."""
        self._running.close()

    @contextmanager
    def heard_here(self) -> Iterator[None]:
        """Let this process play and record on the stage's sound devices: alsa-lib reads where they are when it opens
        one.
        """
        assert self.pulse is not None
        saved = {name: os.environ.get(name) for name in self.pulse.environment}
        os.environ.update(self.pulse.environment)
        try:
            yield
        finally:
            for name, value in saved.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, what: str, part: Any) -> None:
        self._say(f"starting the {what}")
        # Before: it may be told to end while it starts.
        self._running.callback(part.stop)
        part.start()

    @property
    def registrar(self) -> Kamailio | Asterisk:
        """Where the handset registers."""
        return self.pbx or self.kamailio

    def call_handset(self) -> None:
        """Have the echo line call the handset."""
        if self.pbx is not None:
            self.pbx.order(f"channel originate Local/{HANDSET_USER}@echo-line extension {PEER_USER}@from-internal")
        else:
            self.peer.call(self.handset_uri)

    @property
    def handset_uri(self) -> str:
        """Where the peer reaches the handset."""
        return f"sip:{HANDSET_USER}@127.0.0.1:{self.kamailio.udp_port}"

    @property
    def peer_uri(self) -> str:
        """Where the registrar's own routes reach the peer."""
        (contact, *_) = self.kamailio.contacts(PEER_USER)
        return f"sip:{contact.partition('@')[2].partition(';')[0]}"

    def _verification_desk(self) -> VerificationDesk:
        account = AccountSettings(
            DESK_USER, self.kamailio.domain, "localhost", self.kamailio.udp_port, Transport.UDP,
            self.password_of[DESK_USER],
        )  # fmt: skip
        settings = SipSettings(account, local_port=0)
        return VerificationDesk(settings, self.kamailio.domain, self._choices.when_code_is_sent)

    def _asterisk(self, server: IssuedCertificate) -> Asterisk:
        users = {user: password for user, password in self.password_of.items() if user not in {PEER_USER, DESK_USER}}
        here = ("media_address=127.0.0.1", "bind_rtp_to_media_address=yes", "direct_media=no", "rewrite_contact=yes")
        keys = (
            "media_encryption=sdes",
            f"media_encryption_optimistic={'no' if self._choices.srtp == 'mandatory' else 'yes'}",
        )
        return Asterisk(
            self.folder / "asterisk", users, certificate=server, endpoint=(*here, *keys, *self._choices.pbx_endpoint)
        )

    def _greeting(self) -> str:
        choices, wav = self._choices, self.folder / "greeting.wav"
        if choices.greeting:
            return str(speak(choices.greeting, wav))
        if choices.beep_hz:
            beep = tone([choices.beep_hz], BEEP_S, rate_hz=16_000)
            return str(write_wav(wav, beep.pcm, beep.rate_hz))
        return ""

    def _configuration(self, extra: Mapping[str, Mapping[str, Any]]) -> str:
        device = self.authority.issue(DEVICE)
        udp = self._choices.transport == "udp"
        registrar = self.registrar
        ports = {"udp": registrar.udp_port, "tcp": registrar.tcp_port, "tls": registrar.tls_port}
        sections: dict[str, dict[str, Any]] = {
            "device": {"id": DEVICE, "fleet": FLEET, "country": "GB", "language": "en"},
            "sip": {"local_port": 0, "rtp_port": free_port(socket.SOCK_DGRAM) if udp else 16384},
            "dialing": {"digit_map": ["6xx", "x.T"]},
            "sync": {
                "host": "localhost",
                "port": self.broker.port,
                "ca": str(self.authority.ca_path),
                "certificate": str(device.certificate),
                "key": str(device.key),
            },
        }
        if self.pulse is not None:
            sections["sound"] = {"playback": "ear", "capture": "mic_monitor"}
            sections["ringer"] = {"playback": "bell"}
            if self._choices.loudspeaker:
                sections["sound"] |= {"speaker_playback": "room", "speaker_capture": "room_mic_monitor"}
        if self.desk is not None:
            sections["operator"] = {"verification": f"sip:{DESK_USER}@{self.kamailio.domain}"}
        account = {
            "username": HANDSET_USER,
            "domain": "localhost",
            "port": ports[self._choices.transport],
            "transport": self._choices.transport,
            "tls_ca": str(self.authority.ca_path),
            "srtp": self._choices.srtp,
        }
        for name, values in chain(self._choices.extra.items(), extra.items()):
            target = account if name == "account" else sections.setdefault(name, {})
            target.update(values)
        lines = [line for name, values in sections.items() for line in ("", f"[{name}]", *_toml(values))]
        for more in ({}, *self._choices.more_accounts):
            other = {**account, **more}
            other.setdefault("password", self.password_of[other["username"]])
            lines += ["", "[[accounts]]", *_toml(other)]
        return "\n".join([*lines, ""])


def has_real_card() -> bool:
    """Say whether this machine has a sound card that both plays and records."""
    pcms = Path("/proc/asound/pcm")
    text = pcms.read_text() if pcms.exists() else ""
    return "playback" in text and "capture" in text


def empty(folder: Path) -> Path:
    """Make a folder anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _toml(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_toml_value(value)}" for name, value in values.items() if value is not None]


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_toml(value))} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    # JSON's strings, numbers and booleans are TOML's too.
    return json.dumps(value)
