"""All accounts: who of them makes a call, and what they do together when the network changes."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from firmware.base.errors import SipError
from firmware.phone.call import RegistrationFailure, RegistrationState, SipUri
from firmware.phone.news import RegistrationChanged
from firmware.voice.sip import native
from firmware.voice.sip.account import SipAccount
from firmware.voice.sip.line import AccountLine
from firmware.voice.sip.registration import Registration
from firmware.voice.sip.scheduler import Scheduler
from firmware.voice.sip.servers import Target
from firmware.voice.sip.settings import AccountSettings
from provisioning.sip_choices import Transport

if TYPE_CHECKING:
    from firmware.voice.sip.engine import Engine

_log = logging.getLogger(__name__)

_USER_AND_HOST: Final = re.compile(r"^(?P<scheme>sips?):(?P<user>[^@;?]*)@(?P<host>\[[^\]]*\]|[^:;?]*)", re.IGNORECASE)


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
                registered.
            uri: whom it is about.
            act: what to do; it gets the URI as one of the account's domain, where it was one of the default account's.
        """
        line = self._lines.get(self._name_for(name, uri))
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
        moved = False
        for name, line in self._lines.items():
            # Leases that are renewed and interfaces that nobody uses change nothing for us.
            changed = line.follow_address()
            is_registered = self._registrations[name].is_registered
            if changed and line.own_address and (is_registered or line.is_busy):
                moved = True
            elif not is_registered:
                self._registrations[name].retry_now()
            elif changed:
                # There is no way any more: a connection that seems to stand would keep that from being noticed.
                native.library().wecall_shut_connections()
                self._registrations[name].verify()
        return moved

    @property
    def own_address(self) -> str:
        """Our address on the way to the default account's server; empty while that is unknown."""
        line = self._lines.get("")
        return line.own_address if line is not None else ""

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
            binding_check_s=settings.binding_check_s if is_datagram else 0.0,
            return_s=settings.return_s,
        )
        line.bind(registration)
        self._lines[account.name], self._registrations[account.name] = line, registration

    def _name_for(self, name: str, uri: SipUri) -> str:
        registration = self._registrations.get(name)
        if registration is not None and registration.is_registered:
            return name
        match = _USER_AND_HOST.match(uri)
        if match is not None and self._engine.settings.is_emergency(match["user"]):
            return next((other for other, made in self._registrations.items() if made.is_registered), name)
        return name
