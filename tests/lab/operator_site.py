"""A phone's home and an operator elsewhere: two networks, a cable between them, a registrar and somebody to call."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.phone.call import CallId, CallState, RegistrationState, SipUri
from firmware.phone.news import IncomingCallReceived
from firmware.phone.orders import AnswerCall, PlaceCall
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.sip_choices import Srtp, Transport
from tests.lab.certificates import CertificateAuthority
from tests.lab.kamailio import Kamailio
from tests.lab.network import Namespace, VethCable
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

HOME: Final = "10.9.0.1"
OPERATOR: Final = "10.9.0.2"
HOME_6: Final = "fd09::1"
OPERATOR_6: Final = "fd09::2"
USERS: Final = {user: f"secret-of-{user}" for user in ("alice", "bob", "carol", "dora", "emil")}
PHONE_HZ: Final = 400
FRIEND_HZ: Final = 700


@dataclass(frozen=True, slots=True)
class OperatorSite:
    """Both networks, with what runs in the operator's."""

    home: Namespace
    operator: Namespace
    cable: VethCable
    registrar: Kamailio
    authority: CertificateAuthority

    def account(
        self, user: str, *, transport: Transport = Transport.UDP, address: str = "", **more: object
    ) -> AccountSettings:
        """Return an account's settings, at the registrar's first address unless another is given."""
        ports = {
            Transport.UDP: self.registrar.udp_port,
            Transport.TCP: self.registrar.tcp_port,
            Transport.TLS: self.registrar.tls_port,
        }
        host = address or self.registrar.address
        return AccountSettings(
            user,
            self.registrar.domain,
            f"[{host}]" if ":" in host else host,
            ports[transport],
            transport,
            USERS[user],
            tls_ca_pem=self.authority.ca_pem,
            srtp=Srtp.OFF,
            **more,  # type: ignore[arg-type]
        )

    @contextlib.contextmanager
    def phone(self, account: AccountSettings, **settings: object) -> Iterator[SipLine]:
        """Run the stack under test at home; it speaks its tone."""
        line = SipLine(SipSettings(account, local_port=0, **settings))  # type: ignore[arg-type]
        with self.home.entered():
            line.start()
        line.say(PHONE_HZ)
        try:
            yield line
        finally:
            line.stop()

    @contextlib.contextmanager
    def friend(self, *, address: str = "", **settings: object) -> Iterator[SecondPhone]:
        """Run somebody at the operator's who can be called, and speaks a tone of their own."""
        phone = SecondPhone(SipSettings(self.account("bob", address=address), local_port=0, **settings))  # type: ignore[arg-type]
        with self.operator.entered():
            phone.start()
        try:
            phone.wait_for_registration(RegistrationState.REGISTERED)
            phone.say(FRIEND_HZ)
            yield phone
        finally:
            phone.stop()


@contextlib.contextmanager
def operator_site(folder: Path, *, ipv4: bool = True, ipv6: bool = True) -> Iterator[OperatorSite]:
    """Build it, with either or both kinds of addresses."""
    ours = [f"{HOME}/24"] * ipv4 + [f"{HOME_6}/64"] * ipv6
    theirs = [f"{OPERATOR}/24"] * ipv4 + [f"{OPERATOR_6}/64"] * ipv6
    addresses = [OPERATOR] * ipv4 + [OPERATOR_6] * ipv6
    authority = CertificateAuthority(folder / "ca")
    certificate = authority.issue("operator.example", hosts=("operator.example", *addresses))
    with (
        Namespace() as home,
        Namespace() as operator,
        VethCable(home, operator, ours, theirs) as cable,
        Kamailio(
            folder / "registrar",
            USERS,
            certificate=certificate,
            domain="operator.example",
            addresses=addresses,
            namespace=operator,
        ) as registrar,
    ):
        yield OperatorSite(home, operator, cable, registrar, authority)


def call(caller: SipLine | SecondPhone, callee: SipLine | SecondPhone, user: str = "bob") -> CallId:
    """Have one call the other, who answers.

    Returns:
        the call, at the caller.
    """
    call_id = CallId(uuid.uuid4().hex)
    caller.stack.order(PlaceCall(call_id, SipUri(f"sip:{user}@operator.example")))
    callee.stack.order(AnswerCall(callee.wait_for(IncomingCallReceived).call_id))
    caller.wait_for_call(call_id, CallState.ACTIVE)
    return call_id
