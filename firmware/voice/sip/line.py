"""One account on one of its servers: the bridge between a Registration and the library's account."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pjsua2

from firmware.base.errors import SipError
from firmware.phone.call import RegistrationFailure
from firmware.voice.sip.account import Path, SipAccount, account_configuration
from firmware.voice.sip.registration import Registration
from firmware.voice.sip.servers import Resolution, ServerChoice, ServerResolver, Target, address_towards, is_ipv6
from firmware.voice.sip.settings import AccountSettings
from provisioning.sip_choices import Transport

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine

_log = logging.getLogger(__name__)


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
        else:
            account.register()

    def unregister(self) -> None:
        """Take our binding back."""
        if self.account is not None:
            self.account.unregister()

    def probe(self) -> None:
        """Ask the server in use whether it is there."""
        if self.account is not None:
            self.account.probe(f"sip:{self.settings.domain}")

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
        """There are calls."""
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
            self.account.modify(self._configuration(self._aimed_at))

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
        return account_configuration(self._engine.settings, self.settings, Path(route, transport_id), self._engine.nat)
