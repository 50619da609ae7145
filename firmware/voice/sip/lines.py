"""All accounts: each on one of its servers, who of them makes a call, and how they follow the network together."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pjsua2

from firmware.base.errors import SipError
from firmware.base.interfaces import address_towards
from firmware.phone.call import RegistrationFailure, RegistrationState, SipUri
from firmware.phone.news import RegistrationChanged
from firmware.voice.sip import native
from firmware.voice.sip.account import Path, SipAccount, account_configuration
from firmware.voice.sip.identity import Headers, ReceivedMessage
from firmware.voice.sip.mapping import uri_in
from firmware.voice.sip.registration import Registration
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.servers import Resolution, ServerChoice, ServerResolver, Target, is_ipv6, knock
from firmware.voice.sip.settings import AccountSettings
from provisioning.sip_choices import Transport

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine

_log = logging.getLogger(__name__)

_USER_AND_HOST: Final = re.compile(r"^(?P<scheme>sips?):(?P<user>[^@;?]*)@(?P<host>\[[^\]]*\]|[^:;?]*)", re.IGNORECASE)


class AccountLine:
    """One account on one of its servers: implements `registration.Line`.

    The library's account exists from the first time that a server's address is known.
    """

    def __init__(self, settings: AccountSettings, engine: "Engine") -> None:
        """Set up without a library's account.

        Args:
            settings: the account's.
            engine: has what it shares with others, and is told of calls and errors.
        """
        self.settings = settings
        self._engine = engine
        self._choice = ServerChoice()
        self._resolver = ServerResolver(settings, engine.deliver, prefer_ipv6=engine.settings.prefer_ipv6)
        self._aimed_at: Target | None = None
        self._starts_over = False
        self._keeps_open = False
        self._uses_flows = True
        self._watches_voicemail = settings.watch_voicemail
        self._registration: Registration | None = None
        self.own_address = ""
        self.account: SipAccount | None = None

    def bind(self, registration: Registration) -> None:
        """Tell this registration what happens to the account."""
        self._registration = registration

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where its servers can be, best first."""
        return self._choice.targets

    # --- what a Registration needs -----------------------------------------------------------------------------------

    def prepare(self, done: Callable[[RegistrationFailure | None], None]) -> None:
        """Find the servers' addresses, then call `done`.

        Those that are known are used at once: names come and go with the network, and who fails over has no time. The
        answer of the name servers serves the next try.
        """
        known = bool(self._choice.targets)

        def found(resolution: Resolution) -> None:
            if resolution.targets and resolution.targets != self._choice.targets:
                self._choice.offer(resolution.targets)
                self._engine.servers_changed()
            if not known:
                done(resolution.failure if not self._choice.targets else self._aim())

        self._resolver.resolve(found)
        if known:
            done(self._aim())

    def register(self) -> None:
        """Send REGISTER to the server in use."""
        account, target = self.account, self._choice.current
        if account is None or target is None:
            return
        if target != self._aimed_at:
            # The library registers anew over a new route by itself.
            self._aim()
        elif self._starts_over:
            self._starts_over = False
            account.move(self._configuration(target))
        else:
            account.register()

    def unregister(self) -> None:
        """Take our binding back."""
        if self.account is not None:
            self.account.unregister()

    def probe(self) -> None:
        """Ask the server in use whether it is there."""
        if self.account is not None:
            self.account.probe()

    def keep_open(self) -> None:
        """Keep the NAT's door open by empty packets: the server answers no probes."""
        if not self._keeps_open:
            self._keeps_open = True
            self.refresh()

    def do_without_flows(self) -> bool:
        """Register without an id of the connection from now on; False where that is done already."""
        did, self._uses_flows = self._uses_flows, False
        self.refresh()
        return did

    def knock(self, done: Callable[[bool], None]) -> None:
        """Call `done` on this thread with whether the server in use takes connections: one is opened, and closed."""
        if (target := self._choice.current) is None:
            self._engine.deliver(lambda: done(False))
        else:
            knock(target, lambda is_open: self._engine.deliver(lambda: self._knocked(done, is_open=is_open)))

    def _knocked(self, done: Callable[[bool], None], *, is_open: bool) -> None:
        if is_open:
            # What was begun while nobody answered is tried again ever more slowly (RFC 6298 section 5.5).
            self._engine.shut_connections()
            self._starts_over = True
        done(is_open)

    @property
    def has_others(self) -> bool:
        """There is more than one server."""
        return len(self._choice.targets) > 1

    @property
    def is_at_first(self) -> bool:
        """The best of them is in use."""
        return self._choice.is_at_first

    @property
    def is_busy(self) -> bool:
        """There are calls, so that nothing should be moved without need."""
        return not self._engine.calls.is_empty

    @property
    def is_moving(self) -> bool:
        """Another server is to be used than the one that requests and calls still go to."""
        return self._choice.current != self._aimed_at

    def next_server(self) -> bool:
        """Use the next server from now on; False where all have failed since anything worked."""
        return self._choice.advance()

    def return_to_first(self) -> None:
        """Use the best server from now on."""
        self._choice.return_to_first()

    def settle(self) -> None:
        """The server in use works."""
        self._choice.settle()

    def probe_first(self, done: Callable[[bool], None]) -> None:
        """Ask the best server whether it is there, then call `done`."""
        try:
            configuration = self._configuration(self._choice.targets[0])
        except (SipError, pjsua2.Error):
            done(False)
            return
        self._engine.probes.ask(configuration, f"sip:{self.settings.domain}", done)

    # --- the rest ----------------------------------------------------------------------------------------------------

    def follow_address(self) -> bool:
        """Look at our own address on the way to the server; True where it is another than the last time."""
        target = self._choice.current
        before, self.own_address = self.own_address, address_towards(target.address) if target is not None else ""
        return self.own_address != before

    def refresh(self) -> None:
        """Use what has been learnt about NAT servers in calls to come."""
        if self.account is not None and self._aimed_at is not None:
            self.account.adopt(self._configuration(self._aimed_at))

    def stop_watching_voicemail(self) -> None:
        """Subscribe to the count of voice messages no more: the server has refused it, and would each time."""
        if self._watches_voicemail:
            self._watches_voicemail = False
            self.refresh()

    def close(self) -> None:
        """Hear nothing more of the account, after the calls and before the library is destroyed.

        It is given back with the library, not before: the library then ends the probes that nobody has answered, and
        aborts the process over one whose account is gone.
        """
        if self.account is not None:
            self.account.registration = None

    def forget(self) -> None:
        """Let the account's destructor run, on this thread and before another library is made.

        Left to the garbage collector it would call into that one, from any thread, which aborts the process.
        """
        self.account = None

    def _aim(self) -> RegistrationFailure | None:
        """Have the library's account use the server in use; a move to another server registers there."""
        target = self._choice.current
        if target is None or target == self._aimed_at:
            return None
        try:
            configuration = self._configuration(target)
            if self.account is None:
                account = SipAccount(self._engine, self.settings)
                account.registration = self._registration
                account.open(configuration, is_default=not self.settings.name)
                self.account = account
        except SipError as error:
            _log.error("%s", error)
            return RegistrationFailure.CERTIFICATE_REJECTED
        except pjsua2.Error as error:
            _log.error("The SIP stack has no way to a server: %s.", error.reason)
            return RegistrationFailure.NO_NETWORK
        moving, self._aimed_at = self._aimed_at is not None, target
        self.follow_address()
        self._engine.servers_changed()
        if moving:
            self.account.move(configuration)
        return None

    def _configuration(self, target: Target) -> Any:
        transport_id = self._engine.transports.require(self.settings, ipv6=is_ipv6(target.address))
        address = f"[{target.address}]" if is_ipv6(target.address) else target.address
        host = address
        if self.settings.transport is Transport.TLS:
            # TLS checks the certificate against the name in the route.
            host = f"[{target.name.strip('[]')}]" if is_ipv6(target.name) else target.name
            self._engine.names.point(host, target.address)
        # pjsua's `hide` keeps the route out of the message: it only says where to send.
        route = f"sip:{host}:{target.port};transport={self.settings.transport};lr;hide"
        path = Path(route, transport_id, is_ipv6(target.address))
        configuration = account_configuration(self._engine.settings, self.settings, path, self._engine.nat)
        if self._keeps_open:
            configuration.natConfig.udpKaIntervalSec = self._engine.settings.keep_alive_s
        # Over TCP and TLS the server sends calls back through the connection that we made (RFC 5626 section 4.2).
        configuration.natConfig.sipOutboundUse = self._uses_flows
        configuration.mwiConfig.enabled = self._watches_voicemail
        return configuration


class Lines:
    """The accounts of one library, the default one first. Lives on the `sip` thread."""

    def __init__(self, engine: "Engine", scheduler: Scheduler, post: Callable[[RegistrationChanged], None]) -> None:
        """Set up without registering.

        Args:
            engine: has what the lines share.
            scheduler: the thread's timers.
            post: takes what the phone should know.
        """
        self._engine = engine
        self._scheduler = scheduler
        self._post = post
        self._lines: dict[str, AccountLine] = {}
        self._moved: list[str] = []
        self._registrations: dict[str, Registration] = {}

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to register every account.

        Raises:
            SipError: none of them can ever be used.
        """
        unusable: list[SipError] = []
        for account in self._engine.settings.accounts:
            try:
                self._engine.transports.check(account)
            except SipError as error:
                _log.error("%s", error)
                unusable.append(error)
                self._post(
                    RegistrationChanged(
                        RegistrationState.FAILED, RegistrationFailure.CERTIFICATE_REJECTED, account=account.name
                    )
                )
                continue
            self._add(account)
        if not self._lines:
            raise unusable[0]
        for registration in self._registrations.values():
            registration.start()

    def stop(self) -> None:
        """Unregister all that are registered."""
        for registration in self._registrations.values():
            registration.stop()

    @property
    def any_registered(self) -> bool:
        """Whether some registrar knows where this handset is."""
        return any(registration.is_registered for registration in self._registrations.values())

    def close(self) -> None:
        """Hear nothing more; the library is about to be destroyed."""
        for line in self._lines.values():
            line.close()

    def forget(self) -> None:
        """Let go of the library's objects, once it is destroyed."""
        for line in self._lines.values():
            line.forget()
        self._lines.clear()
        self._registrations.clear()

    # --- what they are used for --------------------------------------------------------------------------------------

    @property
    def servers(self) -> Iterator[tuple[AccountSettings, Iterable[Target]]]:
        """Every account with all the places where its servers can be."""
        return ((line.settings, line.targets) for line in self._lines.values())

    def with_account(self, name: str, uri: SipUri, act: Callable[[SipAccount | None, SipUri], None]) -> None:
        """Act with an account as soon as its server is known; with None where it cannot be.

        Args:
            name: the account's, empty for the default one. Emergency services are reached through whichever account is
                registered, and through none that calls a device directly.
            uri: whom it is about.
            act: what to do; it gets the URI as one of the account's domain, where it was one of the default account's.
        """
        chosen = self._name_for(name, uri)
        line = self._lines.get(chosen) if chosen is not None else None
        if line is None:
            act(None, uri)
            return
        own_uri = self._uri_for(line.settings, uri)
        if line.account is not None:
            act(line.account, own_uri)
        else:
            line.prepare(lambda failure: act(line.account if failure is None else None, own_uri))

    def _uri_for(self, account: AccountSettings, uri: SipUri) -> SipUri:
        default, own = self._engine.settings.account.domain, account.domain
        match = _USER_AND_HOST.match(uri)
        if match is None or match["host"].lower() != default.lower() or own == default:
            return uri
        return SipUri(f"{match['scheme']}:{match['user']}@{own}")

    def server_count(self, account: SipAccount) -> int:
        """Return how many servers an account has."""
        line = self._lines.get(account.settings.name)
        return len(line.targets) if line is not None else 0

    def leave_server(self, account: SipAccount) -> bool:
        """Move an account whose server leaves a call unanswered; False where it has no other server."""
        registration = self._registrations.get(account.settings.name)
        return registration is not None and registration.leave_server()

    def connection_lost(self) -> None:
        """Look after the accounts that register over connections: one of these is gone."""
        affected = [name for name, line in self._lines.items() if line.settings.transport is not Transport.UDP]
        for name in affected:
            if len(affected) == 1:
                self._registrations[name].connection_lost()
            else:
                # The library does not say whose it was; those who still have theirs are answered at once.
                self._registrations[name].verify()

    def follow_network(self) -> bool:
        """Register again from new addresses; True where the library has to move accounts and their calls."""
        self._moved.clear()
        for name, line in self._lines.items():
            # Leases that are renewed and interfaces that nobody uses change nothing for us.
            changed = line.follow_address()
            is_registered = self._registrations[name].is_registered
            if changed and line.own_address and (is_registered or line.is_busy):
                self._moved.append(name)
            elif not is_registered:
                self._registrations[name].retry_now()
            elif changed:
                # There is no way any more: a connection that seems to stand would keep that from being noticed.
                native.library().wecall_shut_connections()
                self._registrations[name].verify()
        return bool(self._moved)

    def confirm_move(self) -> None:
        """Say of the accounts that the library has just moved that they are registered once their registrars say so."""
        for name in self._moved:
            self._registrations[name].moved()

    def stop_watching_voicemail(self, refusal: ReceivedMessage) -> None:
        """Subscribe no more for the account whose subscription to its voice messages a server has refused."""
        headers = Headers(refusal.text)
        who = uri_in(headers.first("From")).lower()
        if who != uri_in(headers.first("To")).lower():
            # It was about somebody else's phone (firmware/voice/sip/watching.py).
            return
        for line in self._lines.values():
            if who == f"sip:{line.settings.username}@{line.settings.domain}".lower():
                line.stop_watching_voicemail()

    @property
    def own_address(self) -> str:
        """Our address on the way to the default account's server; empty while that is unknown."""
        line = self._lines.get("")
        return line.own_address if line is not None else ""

    @property
    def default_account(self) -> SipAccount | None:
        """The default account, None while the library does not know it."""
        line = self._lines.get("")
        return line.account if line is not None else None

    @property
    def any_account(self) -> SipAccount | None:
        """Some account that the library knows, the default one if it can be."""
        return next((line.account for line in self._lines.values() if line.account is not None), None)

    @property
    def use_connections(self) -> bool:
        """Some account registers over connections."""
        return any(line.settings.transport is not Transport.UDP for line in self._lines.values())

    def refresh(self) -> None:
        """Use what has been learnt about NAT servers in calls to come."""
        for line in self._lines.values():
            line.refresh()

    def _add(self, account: AccountSettings) -> None:
        settings = self._engine.settings
        is_datagram = account.transport is Transport.UDP
        line = AccountLine(account, self._engine)
        registration = Registration(
            line,
            self._scheduler,
            self._post,
            account=account.name,
            retry_base_s=settings.retry_base_s,
            retry_cap_s=settings.retry_cap_s,
            # A connection tells when the server is gone, but not soon enough for whoever has another server.
            probe_s=settings.probe_s if is_datagram or account.may_fail_over else None,
            idle_probe_s=settings.idle_probe_s,
            binding_check_s=settings.binding_check_s if is_datagram and account.registers else 0.0,
            return_s=settings.return_s,
            knocks=not is_datagram,
        )
        line.bind(registration)
        self._lines[account.name], self._registrations[account.name] = line, registration

    def _name_for(self, name: str, uri: SipUri) -> str | None:
        match = _USER_AND_HOST.match(uri)
        if match is None or not self._engine.settings.is_emergency(match["user"]):
            return name
        # A device has no way to emergency services.
        usable = [other for other, line in self._lines.items() if line.settings.registers]
        usable.sort(key=lambda other: (not self._registrations[other].is_registered, other != name))
        return usable[0] if usable else None
