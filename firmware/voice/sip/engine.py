"""The SIP library from birth to death; everything here happens on the `sip` thread."""

import logging
import math
import time
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Final

import pjsua2

from contract.calls import DisconnectReason
from firmware.base.errors import SipError
from firmware.base.interfaces import Address, NetworkWatch, canonical, interface_of
from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import CallStateChanged, MessageSent, RegistrationChanged, VoiceNews
from firmware.phone.orders import HangUpCall, LineOrder, PlaceCall, SendMessage
from firmware.voice.sip import native, source_filter
from firmware.voice.sip.account import SipAccount
from firmware.voice.sip.bridge import ConferenceBridge
from firmware.voice.sip.call import OutgoingInvitation
from firmware.voice.sip.calls import Calls
from firmware.voice.sip.endpoint import BuildReport, Endpoint, MediaPoll
from firmware.voice.sip.gate import Admission, Gate, GatePolicy
from firmware.voice.sip.identity import ReceivedMessage
from firmware.voice.sip.lines import Lines
from firmware.voice.sip.mixer import Mixer
from firmware.voice.sip.nat import NatServers
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.server_probe import ServerProbes
from firmware.voice.sip.servers import Names
from firmware.voice.sip.settings import SipSettings
from firmware.voice.sip.source_filter import ConnectionLimit
from firmware.voice.sip.text_messages import TextMessages
from firmware.voice.sip.transports import Transports
from firmware.voice.sip.voicemail import Mailboxes, read_summary
from firmware.voice.sip.watching import WatchedPhones

_log = logging.getLogger(__name__)

STOP_S: Final = 1.5
_LAST_POLLS: Final = 500


class Engine:
    """pjsua2 with all accounts."""

    def __init__(
        self,
        settings: SipSettings,
        bridge: ConferenceBridge,
        scheduler: Scheduler,
        post: Callable[[VoiceNews], None],
        deliver: Callable[[Callable[[], None]], None],
    ) -> None:
        """Set up without the library.

        Args:
            settings: of the whole stack.
            bridge: gets the audio path while the library is up.
            scheduler: the thread's timers.
            post: takes what the phone should know.
            deliver: runs a callable on the `sip` thread.
        """
        self.settings = settings
        self._media_networks = tuple(ip_network(network) for network in settings.media_networks)
        self._bridge = bridge
        self._scheduler = scheduler
        self._post = post
        self._endpoint: Any = None
        self._linked: tuple[str, ...] = ()
        self._most_calls = 0
        self._codecs: tuple[str, ...] = ()
        self._wanted_codecs: tuple[str, ...] = ()
        self._reasons: dict[str, int] = {}
        self.deliver = deliver
        self.names = Names(deliver)
        self.nat = NatServers(settings.nat, scheduler, deliver)
        self.transports = Transports(settings)
        networks = settings.trusted_networks
        self._policy = GatePolicy(
            answer_anyone=settings.answer_anyone, networks=networks, connections_made=source_filter.connections_made
        )
        self._connection_limit = ConnectionLimit(scheduler, answer_anyone=settings.answer_anyone)
        self._admission = Admission(
            self._policy,
            self._connection_limit,
            self.transports,
            answer_anyone=settings.answer_anyone,
            networks=networks,
        )
        self._gate: Gate | None = None
        self._media_poll: MediaPoll | None = None
        self._network = NetworkWatch()
        self.probes = ServerProbes(scheduler)
        self._lines: Lines | None = None
        self._mixer = Mixer()
        self._mailboxes = Mailboxes(account.name for account in settings.accounts)
        self._watched = WatchedPhones(settings, scheduler, post)
        self.texts = TextMessages(post, self.is_trusted)
        self.calls = Calls(self, scheduler, post, self._mixer, self._calls_changed)
        self.wake_port = 0
        # Calls whose server is being looked up.
        self._looking: set[CallId] = set()

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring the library up and begin to register.

        Raises:
            SipError: it does not come up; what did come up is down again.
        """
        try:
            self._start_library()
            self._start_lines()
        except pjsua2.Error as error:
            self._destroy()
            raise SipError(
                f"The SIP stack did not start ({error.title}: {error.reason}). It is tried again every half "
                "minute; look into the journal."
            ) from error
        except SipError:
            self._destroy()
            raise

    def poll(self, timeout_s: float) -> None:
        """Handle what has arrived, waiting for it that long at most."""
        # A wait that is cut to nothing comes back at once, again and again, until the time has passed.
        self._endpoint.libHandleEvents(max(0, math.ceil(timeout_s * 1000)))

    def stop(self) -> None:
        """Hang up, unregister and destroy the library, within about two seconds."""
        deadline = time.monotonic() + STOP_S
        self.hang_up_all()
        lines = self._lines
        self._watched.close()
        if lines is not None:
            lines.stop()
        while time.monotonic() < deadline:
            if self.calls.is_empty and (lines is None or not lines.any_registered):
                break
            self._scheduler.run_due()
            self.poll(min(0.05, self._scheduler.wait_s(0.05)))
        self._stop_hearing()
        self.calls.clear()
        if lines is not None:
            lines.close()
        self.probes.close()
        self._destroy()

    def _stop_hearing(self) -> None:
        """Take in what has arrived, and nothing more.

        While it is destroyed the library still reads its UDP sockets, and hands a late answer to parts of its own that
        are gone by then.
        """
        self._admission.shut()
        for _ in range(_LAST_POLLS):
            if self._endpoint.libHandleEvents(0) <= 0:
                break

    @property
    def build_report(self) -> BuildReport:
        """What this build is and can do; may be asked for on any thread, since it calls nothing of the library."""
        return BuildReport(
            linked=self._linked,
            codecs=self._codecs,
            source_filter_active=self._admission.is_filtered,
            port=self.transports.port(self.settings.account),
            calls=self._most_calls,
            refused=self._gate.faults if self._gate is not None else {},
            strangers=native.library().wecall_media_refused() if self._linked else 0,
        )

    # --- requests ----------------------------------------------------------------------------------------------------

    def do(self, order: LineOrder) -> None:
        """Do something with calls or a text message."""
        match order:
            case PlaceCall():
                self._place_call(order)
            case HangUpCall(call_id):
                self.hang_up(call_id)
            case SendMessage():
                self._send_message(order)
            case _:
                self.calls.do(order)

    def _place_call(self, order: PlaceCall) -> None:
        """Send an INVITE, registered or not; where the server's address is still unknown, look it up first."""
        call_id = order.call_id

        def place(found: SipAccount | None, uri: SipUri) -> None:
            if call_id not in self._looking:
                # Hung up meanwhile.
                return
            self._looking.discard(call_id)
            if found is None:
                self._post(CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.UNREACHABLE))
            else:
                self.calls.outgoing.place(found, call_id, OutgoingInvitation(uri, order.anonymous, tries=0))

        if self._lines is not None:
            self._looking.add(call_id)
            self._lines.with_account(order.account, order.uri, place)

    def hang_up(self, call_id: CallId) -> None:
        """End a call in whatever state it is, also one whose server is not known yet."""
        if call_id in self._looking:
            self._looking.discard(call_id)
            self._post(CallStateChanged(call_id, CallState.DISCONNECTED, DisconnectReason.CANCELLED))
        else:
            self.calls.hang_up(call_id)

    def hang_up_all(self) -> None:
        """End every call."""
        for call_id in tuple(self._looking):
            self.hang_up(call_id)
        self.calls.hang_up_all()

    def _send_message(self, order: SendMessage) -> None:
        def send(found: SipAccount | None, uri: SipUri) -> None:
            if found is None:
                self._post(MessageSent(order.message_id, accepted=False))
            else:
                self.texts.send(found, order.message_id, uri, order.text)

        if self._lines is not None:
            self._lines.with_account(order.account, order.uri, send)

    def follow_network(self) -> None:
        """Register, and move running calls, from the new address where the network has changed."""
        lines = self._lines
        if not self._network.has_changed() or lines is None:
            return
        moved = lines.follow_network()
        self._follow_codecs()
        if not moved:
            return
        _log.info("The network has changed; the accounts and their calls follow.")
        parameters = pjsua2.IpChangeParam()
        # Listeners are bound to any address and stay; new ones would lack the source filter.
        parameters.restartListener = False
        parameters.shutdownTransport = lines.use_connections
        try:
            self._endpoint.handleIpChange(parameters)
        except pjsua2.Error as error:
            _log.warning("The SIP stack did not follow the change of the network: %s.", error.reason)
        lines.confirm_move()

    def server_count(self, account: SipAccount) -> int:
        """Return how many servers an account has."""
        return self._lines.server_count(account) if self._lines is not None else 0

    def leave_server(self, account: SipAccount) -> bool:
        """Move an account whose server leaves a call unanswered."""
        return self._lines is not None and self._lines.leave_server(account)

    @property
    def orders_codecs_by_line(self) -> bool:
        """The codecs in use are those in which G.722 and Opus change places by the line."""
        in_use = self._wanted_codecs == self.settings.codecs and {"g722", "opus"} <= set(self._codecs)
        return self.settings.order_codecs_by_line and in_use

    # --- what the library tells --------------------------------------------------------------------------------------

    def _registration_changed(self, change: RegistrationChanged) -> None:
        self._post(change)
        if not change.account and (lines := self._lines) is not None:
            is_registered = change.state is RegistrationState.REGISTERED
            # Once the callback has returned: the library is still busy with the registration.
            self._scheduler.after(0, lambda: self._watched.follow(lines.default_account if is_registered else None))

    def voicemail_told(self, account: SipAccount, message: ReceivedMessage) -> None:
        """Pass on how many voice messages wait."""
        summary = read_summary(message.text)
        if summary is not None:
            for count in self._mailboxes.note(account.settings.name, summary):
                self._post(count)

    def _subscription_refused(self, message: ReceivedMessage) -> None:
        # Once the callback has returned: the library is still busy with the answer.
        if (lines := self._lines) is not None:
            self._scheduler.after(0, lambda: lines.stop_watching_voicemail(message))

    def _call_refused(self, message: ReceivedMessage, sip_code: int) -> None:
        account = self._lines.any_account if self._lines is not None else None
        if account is not None:
            self.calls.incoming.refused_by_library(account, message, sip_code)

    def own_hosts(self, account: SipAccount) -> frozenset[str]:
        """Return under which hosts an account's server may be asked to place a call."""
        return frozenset({account.settings.domain.lower(), account.settings.host.lower()}) | self._admission.trusted

    def shut_connections(self) -> None:
        """Leave every connection, unless an account is registered, which may be over one of them."""
        if self._lines is not None and not self._lines.any_registered:
            native.library().wecall_shut_connections()

    def is_known(self, address: str) -> bool:
        """Say whether an address is that of a configured server or device."""
        return canonical(address) in self._admission.known

    def is_trusted(self, source: str) -> bool:
        """Say whether an address is a configured registrar's, so that what it asserts is believed (RFC 3325)."""
        # The library keeps no source where it refuses a call later than at once.
        return bool(source) and canonical(source) in self._admission.trusted

    def _allows_dtls(self, address: Address) -> bool:
        """Say whether audio whose keys come by DTLS may go to an address: the firewall lets it go nowhere else."""
        return self.is_known(str(address)) or any(address in network for network in self._media_networks)

    def error_behind(self, reason: str) -> int:
        """Return the library's error number behind a made-up response's reason phrase, 0 where it has none."""
        return self._reasons.get(reason, 0)

    def _connection_lost(self, _error: int) -> None:
        # Once this callback has returned: the library is still busy with the transport.
        if self._lines is not None:
            self._scheduler.after(0, self._lines.connection_lost)

    def _calls_changed(self, exist: bool) -> None:
        if self._media_poll is not None:
            self._media_poll.set_wanted(exist)

    # --- the parts ---------------------------------------------------------------------------------------------------

    def _start_library(self) -> None:
        endpoint = self._endpoint = Endpoint()
        endpoint.when_connection_lost = self._connection_lost
        endpoint.when_connections_changed = self._connection_limit.connections_changed
        endpoint.when_call_refused = self._call_refused
        endpoint.bring_up(self.settings)
        library = native.library()
        master_port = int(endpoint.audDevManager().setNoDev())
        devices = endpoint.audDevManager()
        self._mixer.open(devices.getCaptureDevMedia(), devices.getPlaybackDevMedia())
        self.transports.start(endpoint)
        self.wake_port = self.transports.open_waker()
        self._linked = native.linked()
        self._most_calls = native.most_calls()
        self._codecs = endpoint.choose_codecs(self.settings.codecs)
        self._wanted_codecs = self.settings.codecs
        self._reasons = endpoint.errors_by_reason()
        endpoint.libStart()
        self.names.start()
        self._bridge.open(library, master_port)
        self._media_poll = MediaPoll(lambda: self.deliver(self.calls.texts.take))
        self._media_poll.start()
        self._network.start(lambda: self.deliver(_wake_up))
        self._gate = Gate(self._policy, self._allows_dtls, self._call_refused, self._subscription_refused)
        self._gate.start()

    def _start_lines(self) -> None:
        self._lines = Lines(self, self._scheduler, self._registration_changed)
        self.nat.start(self._nat_servers_found)
        self._lines.start()

    def servers_changed(self) -> None:
        if self._lines is not None:
            self._admission.admit(self._lines.servers)
            self._follow_codecs()

    def _follow_codecs(self) -> None:
        """Offer, from the next offer on, the codecs of the network that we are on."""
        if not self.settings.codecs_by_network or self._lines is None:
            return
        wanted = self.settings.codecs_on(interface_of(self._lines.own_address))
        if wanted == self._wanted_codecs:
            return
        try:
            self._codecs = self._endpoint.choose_codecs(wanted)
        except SipError as error:
            _log.error("%s", error)
            self._codecs = self._endpoint.choose_codecs(self.settings.codecs)
        self._wanted_codecs = wanted

    def _nat_servers_found(self) -> None:
        if self._lines is not None:
            self.nat.tell_library(self._endpoint)
            self._lines.refresh()

    def _destroy(self) -> None:
        self._bridge.close()
        self._watched.close()
        self._network.stop()
        if self._media_poll is not None:
            self._media_poll.stop()
            self._media_poll = None
        self._mixer.close()
        lines, self._lines = self._lines, None
        self.names.stop()
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is None:
            return
        endpoint.tear_down()
        if lines is not None:
            lines.forget()
        self.probes.forget()
        self.transports.stop()
        # What was still to be done belongs to this library's calls and account.
        self._scheduler.clear()
        # The endpoint's destructor runs here, for want of another reference: no other could be made before.


def _wake_up() -> None:
    """Do nothing: the thread looks at the network whenever it wakes."""
