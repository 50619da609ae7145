import pytest

from firmware.base.errors import SipError
from firmware.voice.sip.settings import AccountSettings, SipSettings
from firmware.voice.sip.transports import Transports
from provisioning.sip_choices import Transport


def account(transport: Transport, name: str = "", tls_ca_error: str = "") -> AccountSettings:
    return AccountSettings(
        "alice", "example", "192.0.2.1", 5060, transport, "secret", tls_ca_error=tls_ca_error, name=name
    )


def transports_of(first: AccountSettings, *others: AccountSettings) -> Transports:
    return Transports(SipSettings(first, others))


def test_authorities_that_cannot_be_read_are_said_to_be_so() -> None:
    missing = account(Transport.TLS, tls_ca_error="No such file: none.pem")
    with pytest.raises(SipError, match=r"none\.pem"):
        transports_of(missing).check(missing)
    transports_of(missing).check(account(Transport.UDP))
