"""The SIP library from birth to death; everything here happens on the `sip` thread."""

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pjsua2

from firmware.errors import SipError
from firmware.phone.call import CallId, CallState, DisconnectReason, RegistrationFailure, SipUri
from firmware.phone.events import CallStateChanged, Event, MessageSent
from firmware.sip import native, source_filter
from firmware.sip.account import AccountLine, SipAccount
from firmware.sip.addresses import canonical
from firmware.sip.agenda import Agenda
from firmware.sip.bridge import ConferenceBridge
from firmware.sip.calls import CallTable
from firmware.sip.connection_limit import ConnectionLimit
from firmware.sip.gate import Gate, GatePolicy
from firmware.sip.handle_budget import HandleBudget
from firmware.sip.identity import ReceivedMessage, received
from firmware.sip.mapping import CERTIFICATE_ERROR, SYSTEM_ERRORS
from firmware.sip.media_poll import MediaPoll
from firmware.sip.mixer import Mixer
from firmware.sip.network_watch import NetworkWatch
from firmware.sip.registration import Registration
from firmware.sip.servers import Resolution, ServerResolver, address_towards
from firmware.sip.settings import SipSettings
from firmware.sip.text_messages import TextMessages
from firmware.sip.voicemail import voicemail_count
from provisioning.schema import Transport

_log = logging.getLogger(__name__)

STOP_S: Final = 1.5
_LIBRARY_CALLS: Final = 32
_LOOPBACK: Final = "127.0.0.1"
_SYSTEM_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
_CODEC_IDS: Final = {"opus": "opus/", "g722": "G722/", "pcma": "PCMA/", "pcmu": "PCMU/"}
_CONNECTION_LOST: Final = 1  # PJSIP_TP_STATE_DISCONNECTED in pjsip/sip_transport.h; SWIG gives the number only

_PJ_TRANSPORTS = {
    Transport.UDP: pjsua2.PJSIP_TRANSPORT_UDP,
    Transport.TCP: pjsua2.PJSIP_TRANSPORT_TCP,
    Transport.TLS: pjsua2.PJSIP_TRANSPORT_TLS,
}


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What this build of the library is and can do, for `wecall doctor`.

    Attributes:
        version: pjproject's.
        codecs: those of the configuration that it has, best first.
        tls: its TLS library, empty where it has none.
        gate_active: floods and strangers are turned away before a call exists.
        source_filter_active: the kernel drops what does not come from the servers.
        port: where SIP listens, 0 where nothing does.
    """

    version: str
    codecs: tuple[str, ...]
    tls: str
    gate_active: bool
    source_filter_active: bool
    port: int

    def __str__(self) -> str:
        codecs = ", ".join(self.codecs) or "none"
        gate = "The gate against floods works" if self.gate_active else "There is no gate against floods in this build"
        return f"pjsua2 {self.version}, {self.tls or 'no TLS'}, codecs {codecs}. {gate}."


class _Endpoint(pjsua2.Endpoint):  # type: ignore[misc]  # pjsua2 has no types
    when_connection_lost: Callable[[int], None] | None = None
    when_connections_changed: Callable[[], None] | None = None
    when_call_refused: Callable[[ReceivedMessage, int], None] | None = None

    @native.guarded
    def onTransportState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        if self.when_connections_changed is not None:
            self.when_connections_changed()
        if parameters.state == _CONNECTION_LOST and self.when_connection_lost is not None:
            self.when_connection_lost(int(parameters.lastError))

    @native.guarded
    def onRejectedIncomingCall(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        if self.when_call_refused is not None:
            self.when_call_refused(received(parameters.rdata), int(parameters.statusCode))


class Engine:
    """pjsua2 with one account: implements `account.AccountOwner`."""

    def __init__(
        self,
        settings: SipSettings,
        bridge: ConferenceBridge,
        agenda: Agenda,
        post: Callable[[Event], None],
        deliver: Callable[[Callable[[], None]], None],
    ) -> None:
        """Set up without the library.

        Args:
            settings: of the whole stack.
            bridge: gets the audio path while the library is up.
            agenda: the thread's timers.
            post: takes what the phone should know.
            deliver: runs a callable on the `sip` thread.
        """
        self._settings = settings
        self._bridge = bridge
        self._agenda = agenda
        self._post = post
        self._endpoint: Any = None
        self._transport_id = -1
        self._port = 0
        self._version = ""
        self._tls = ""
        self._codecs: tuple[str, ...] = ()
        self._source_filtered = False
        self._last_error = 0
        self._reasons: dict[str, int] = {}
        budget = HandleBudget(settings.max_calls)
        self._policy = GatePolicy(budget, answer_anyone=settings.answer_anyone)
        self._connection_limit = ConnectionLimit(budget.connections, agenda, answer_anyone=settings.answer_anyone)
        self._gate: Gate | None = None
        self._media_poll: MediaPoll | None = None
        self._network = NetworkWatch()
        self._resolver = ServerResolver(settings.account.host, deliver)
        self._servers: tuple[str, ...] = ()
        self._trusted: frozenset[str] = frozenset()
        self._own_address = ""
        self._line: AccountLine | None = None
        self._registration: Registration | None = None
        self._mixer = Mixer()
        self._texts = TextMessages(post, self._is_trusted)
        self.calls = CallTable(
            agenda,
            post,
            self._mixer,
            self._calls_changed,
            silence_s=settings.media_silence_s,
            max_calls=settings.max_calls,
            max_outgoing=budget.outgoing_calls,
            rate_hz=settings.clock_rate_hz,
            allows=settings.allows,
            is_trusted=self._is_trusted,
            own_hosts=self._own_hosts,
            text_arrived=self.text_arrived,
        )
        self.wake_port = 0

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring the library up and begin to register.

        Raises:
            SipError: it does not come up; what did come up is down again.
        """
        try:
            self._start_library()
            self._start_account()
        except pjsua2.Error as error:
            self._destroy()
            raise SipError(
                f"The SIP stack did not start ({error.title}: {error.reason}). Look into `wecall doctor`."
            ) from error
        except SipError:
            self._destroy()
            raise

    def poll(self, timeout_s: float) -> None:
        """Handle what has arrived, waiting for it that long at most."""
        self._endpoint.libHandleEvents(max(0, int(timeout_s * 1000)))

    def stop(self) -> None:
        """Hang up, unregister and destroy the library, within about two seconds."""
        deadline = time.monotonic() + STOP_S
        self.calls.hang_up_all()
        registration, line = self._registration, self._line
        was_registered = registration is not None and registration.is_registered
        if registration is not None:
            registration.stop()
        while time.monotonic() < deadline:
            unregistering = was_registered and registration is not None and registration.is_registered
            if self.calls.is_empty and not unregistering:
                break
            self._agenda.run_due()
            self.poll(min(0.05, self._agenda.wait_s(0.05)))
        self.calls.clear()
        if line is not None:
            line.close()
        self._destroy()

    @property
    def build_report(self) -> BuildReport:
        """What this build is and can do; may be asked for on any thread, since it calls nothing of the library."""
        return BuildReport(
            version=self._version,
            codecs=self._codecs,
            tls=self._tls,
            gate_active=self._gate is not None and self._gate.active,
            source_filter_active=self._source_filtered,
            port=self._port,
        )

    # --- requests ----------------------------------------------------------------------------------------------------

    def place_call(self, call_id: CallId, uri: SipUri, account: str = "", *, anonymous: bool = False) -> None:
        """Send an INVITE, registered or not; where the server's address is still unknown, look it up first."""

        def place(found: SipAccount | None) -> None:
            if found is None:
                self._post(CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE))
            else:
                self.calls.place(found, call_id, uri, anonymous=anonymous)

        self._with_account(account, place)

    def send_message(self, message_id: str, uri: SipUri, text: str, account: str = "") -> None:
        """Send a text message, registered or not."""

        def send(found: SipAccount | None) -> None:
            if found is None:
                self._post(MessageSent(message_id, accepted=False))
            else:
                self._texts.send(found, message_id, uri, text)

        self._with_account(account, send)

    def _with_account(self, _name: str, act: Callable[[SipAccount | None], None]) -> None:
        """Act with an account as soon as its server is known; with None where it cannot be."""
        line = self._line
        if line is None:
            act(None)
        elif line.account is not None:
            act(line.account)
        else:
            line.prepare(lambda failure: act(line.account if failure is None else None))

    def follow_network(self) -> None:
        """Register, and move running calls, from the new address where the network has changed."""
        if not self._network.has_changed() or self._registration is None:
            return
        # Leases that are renewed and interfaces that nobody uses change nothing for us.
        address = address_towards(self._servers[0]) if self._servers else ""
        unchanged, self._own_address = address == self._own_address, address
        if unchanged and self._registration.is_registered:
            return
        if not self._registration.is_registered:
            self._registration.retry_now()
            return
        _log.info("The network has changed; the account and its calls follow.")
        parameters = pjsua2.IpChangeParam()
        # Listeners are bound to any address and stay; new ones would lack the source filter.
        parameters.restartListener = False
        parameters.shutdownTransport = self._settings.account.transport is not Transport.UDP
        self._endpoint.handleIpChange(parameters)

    # --- what the library tells --------------------------------------------------------------------------------------

    def call_arrived(self, account: SipAccount, pj_call_id: int, message: ReceivedMessage) -> None:
        """Take a new incoming call."""
        self.calls.take(account, pj_call_id, message)

    def text_arrived(self, message: ReceivedMessage, content_type: str, body: str) -> None:
        """Take a text message."""
        self._texts.take(message, content_type, body)

    def text_answered(self, token: int, sip_code: int) -> None:
        """Hear what became of a text."""
        self._texts.answered(token, sip_code)

    def voicemail_told(self, account: SipAccount, message: ReceivedMessage) -> None:
        """Pass on how many voice messages wait."""
        count = voicemail_count(message.text, account.settings.name)
        if count is not None:
            self._post(count)

    def _call_refused(self, message: ReceivedMessage, sip_code: int) -> None:
        if self._line is not None and self._line.account is not None:
            self.calls.refused_by_library(self._line.account, message, sip_code)

    def _own_hosts(self, account: SipAccount) -> frozenset[str]:
        """Return under which hosts an account's server may be asked to place a call."""
        return frozenset({account.settings.domain.lower(), account.settings.host.lower()}) | self._trusted

    def _is_trusted(self, source: str) -> bool:
        """Say whether an address is a configured server's, so that what it asserts is believed (RFC 3325)."""
        return canonical(source) in self._trusted

    def error_behind(self, reason: str) -> int:
        """Return the library's error number behind a made-up response's reason phrase, 0 where it has none."""
        return self._reasons.get(reason, 0)

    def _connection_lost(self, _error: int) -> None:
        # Once this callback has returned: the library is still busy with the transport.
        if self._settings.account.transport is not Transport.UDP and self._registration is not None:
            self._agenda.after(0, self._registration.connection_lost)

    def _calls_changed(self, exist: bool) -> None:
        if self._media_poll is not None:
            self._media_poll.set_wanted(exist)

    # --- the parts ---------------------------------------------------------------------------------------------------

    def _start_library(self) -> None:
        native.silence_log()
        endpoint = self._endpoint = _Endpoint()
        endpoint.when_connection_lost = self._connection_lost
        endpoint.when_connections_changed = self._connection_limit.connections_changed
        endpoint.when_call_refused = self._call_refused
        endpoint.libCreate()
        endpoint.libInit(self._endpoint_configuration())
        library = native.library()
        master_port = int(endpoint.audDevManager().setNoDev())
        devices = endpoint.audDevManager()
        self._mixer.open(devices.getCaptureDevMedia(), devices.getPlaybackDevMedia())
        wake_id = endpoint.transportCreate(pjsua2.PJSIP_TRANSPORT_UDP, _transport_configuration(0, _LOOPBACK))
        self.wake_port = self._port_of(wake_id)
        self._transport_id = self._open_transport()
        self._port = self._port_of(self._transport_id)
        self._version = str(endpoint.libVersion().full)
        self._tls = native.tls_version()
        self._codecs = self._choose_codecs()
        for number in (CERTIFICATE_ERROR, *range(SYSTEM_ERRORS + 90, SYSTEM_ERRORS + 116)):
            # The numbers from 90 hold errno.h's network errors.
            self._reasons[str(endpoint.utilStrError(number))] = number
        endpoint.libStart()
        self._bridge.open(library, master_port)
        self._media_poll = MediaPoll(library)
        self._media_poll.start()
        self._network.start()
        self._gate = Gate(library, self._policy)
        self._gate.start(self.wake_port, lambda: self.poll(0.01))

    def _start_account(self) -> None:
        account = self._settings.account
        line = AccountLine(self._settings, self._transport_id, self, self._find_server)
        registration = Registration(
            line,
            self._agenda,
            self._post,
            retry_base_s=self._settings.retry_base_s,
            retry_cap_s=self._settings.retry_cap_s,
            probe_s=self._settings.probe_s if account.transport is Transport.UDP else None,
        )
        line.bind(registration)
        self._line, self._registration = line, registration
        registration.start()

    def _find_server(self, found: Callable[[tuple[str, ...], RegistrationFailure | None], None]) -> None:
        def resolved(resolution: Resolution) -> None:
            if resolution.addresses:
                self._admit(resolution.addresses)
            # Names come and go with the network; the last addresses known are better than none.
            if self._servers:
                found(self._servers, None)
            else:
                found((), resolution.failure)

        self._resolver.resolve(resolved)

    def _admit(self, addresses: tuple[str, ...]) -> None:
        """Answer these servers and, unless told otherwise, nobody else."""
        if addresses == self._servers:
            return
        self._servers = addresses
        self._own_address = address_towards(addresses[0])
        self._trusted = frozenset(canonical(address) for address in addresses)
        account = self._settings.account
        self._policy.set_servers(addresses, {account.port})
        if account.transport is Transport.TCP:
            self._source_filtered = self._connection_limit.guard({self._port}, addresses)
            return
        if account.transport is Transport.UDP and self._settings.answer_anyone:
            return
        try:
            if account.transport is Transport.UDP:
                self._source_filtered = source_filter.attach(self._port, socket.SOCK_DGRAM, addresses) > 0
            else:
                # Without a certificate of its own nobody can talk to the TLS listener, only use up its handles.
                self._source_filtered = source_filter.attach(self._port, socket.SOCK_STREAM, ()) > 0
        except (OSError, ValueError) as error:
            self._source_filtered = False
            _log.warning("The kernel takes no filter for SIP (%s); strangers are turned away later.", error)

    def _endpoint_configuration(self) -> Any:
        settings = self._settings
        configuration = pjsua2.EpConfig()
        user_agent = configuration.uaConfig
        # With no worker thread and all callbacks on ours, Python and the library cannot wait for each other
        # (pjproject issue 3125).
        user_agent.threadCnt = 0
        user_agent.mainThreadOnly = True
        user_agent.maxCalls = _LIBRARY_CALLS
        user_agent.userAgent = settings.user_agent
        configuration.logConfig.level = 0
        configuration.logConfig.consoleLevel = 0
        media = configuration.medConfig
        media.clockRate = media.sndClockRate = settings.clock_rate_hz
        media.audioFramePtime = settings.frame_ms
        media.channelCount = 1
        media.ecTailLen = 0
        media.noVad = True
        media.quality = 4
        # Its own I/O queue, so that a slow lookup of a name cannot delay audio, and our thread to poll it.
        media.hasIoqueue = True
        media.jbInit = settings.jitter_buffer.initial_ms
        media.jbMinPre = settings.jitter_buffer.minimum_ms
        media.jbMaxPre = settings.jitter_buffer.maximum_prefetch_ms
        media.jbMax = settings.jitter_buffer.maximum_ms
        return configuration

    def _open_transport(self) -> int:
        """Open the account's transport, on the port asked for or, where that is taken, on any."""
        account = self._settings.account
        port = self._settings.local_port if account.transport is not Transport.TLS else 0
        configuration = _transport_configuration(port)
        if account.transport is Transport.TLS:
            self._configure_tls(configuration.tlsConfig)
        if account.transport is not Transport.UDP:
            self._keep_connection_alive(configuration)
        try:
            return int(self._endpoint.transportCreate(_PJ_TRANSPORTS[account.transport], configuration))
        except pjsua2.Error:
            if port == 0:
                raise
            _log.warning("The local SIP port is taken; another one is used.")
            configuration.port = 0
            return int(self._endpoint.transportCreate(_PJ_TRANSPORTS[account.transport], configuration))

    def _configure_tls(self, tls: Any) -> None:
        account = self._settings.account
        tls.proto = pjsua2.PJ_SSL_SOCK_PROTO_TLS1_2 | pjsua2.PJ_SSL_SOCK_PROTO_TLS1_3
        tls.verifyServer = account.tls_verify
        if not account.tls_verify:
            _log.warning("The SIP server's certificate is not verified: anybody on the path can listen in.")
            return
        authorities = str(account.tls_ca) if account.tls_ca else _SYSTEM_AUTHORITIES
        try:
            with open(authorities, "rb"):  # noqa: PTH123 - only asks whether the library will be able to
                pass
        except OSError as error:
            raise SipError(
                f"The certificate authorities for SIP cannot be read ({error}). Correct tls_ca or the file."
            ) from error
        tls.CaListFile = authorities

    def _keep_connection_alive(self, configuration: Any) -> None:
        # The kernel's keep-alives cost no wake-up, hold a NAT's door open and notice a server that is gone; so does
        # TCP_USER_TIMEOUT for data that nobody acknowledges (tcp(7)).
        idle_s = self._settings.keep_alive_s
        for level, name, value in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, idle_s // 3)),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, idle_s * 1000),
        ):
            configuration.sockOptParams.sockOpts.append(pjsua2.SockOpt(level, name, value))

    def _choose_codecs(self) -> tuple[str, ...]:
        present = [str(codec.codecId) for codec in self._endpoint.codecEnum2()]
        for codec in present:
            self._endpoint.codecSetPriority(codec, 0)
        chosen = []
        for rank, name in enumerate(self._settings.codecs):
            matching = [codec for codec in present if codec.startswith(_CODEC_IDS[name])]
            for codec in matching:
                self._endpoint.codecSetPriority(codec, 250 - rank)
            if matching:
                chosen.append(name)
        if not chosen:
            raise SipError("The SIP stack has none of the codecs asked for. Add pcma to `codecs`.")
        return tuple(chosen)

    def _port_of(self, transport_id: int) -> int:
        address = str(self._endpoint.transportGetInfo(transport_id).localAddress)
        return int(address.rpartition(":")[2])

    def _destroy(self) -> None:
        self._bridge.close()
        self._network.stop()
        if self._media_poll is not None:
            self._media_poll.stop()
            self._media_poll = None
        self._mixer.close()
        line, self._line = self._line, None
        self._registration = None
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is None:
            return
        endpoint.when_connection_lost = endpoint.when_connections_changed = endpoint.when_call_refused = None
        try:
            # Farewells are over: do not wait another second for answers to them.
            endpoint.libDestroy(pjsua2.PJSUA_DESTROY_NO_RX_MSG)
        except pjsua2.Error:
            _log.exception("The SIP stack did not end in good order.")
        if line is not None:
            line.forget()
        # What was still to be done belongs to this library's calls and account.
        self._agenda.clear()
        # The endpoint's destructor runs here, for want of another reference: no other could be made before.


def _transport_configuration(port: int, address: str = "") -> Any:
    # Bound to any address, a transport survives a change of the network's.
    configuration = pjsua2.TransportConfig()
    configuration.port = port
    configuration.boundAddress = address
    return configuration
