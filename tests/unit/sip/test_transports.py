from pathlib import Path

import pytest

from firmware.errors import SipError
from firmware.sip.handle_budget import HANDLES, HandleBudget
from firmware.sip.settings import AccountSettings, SipSettings
from firmware.sip.transports import Transports
from provisioning.addresses import Transport


def account(transport: Transport, name: str = "", tls_ca: Path | None = None) -> AccountSettings:
    return AccountSettings("alice", "example", "192.0.2.1", 5060, transport, "secret", tls_ca=tls_ca, name=name)


def transports_of(first: AccountSettings, *others: AccountSettings) -> Transports:
    return Transports(SipSettings(first, others))


def test_accounts_share_sockets_but_not_trust() -> None:
    udp = transports_of(account(Transport.UDP), account(Transport.UDP, "b"))
    assert udp.most_listeners == 1 + 2
    assert udp.most_connections == 0
    tls = transports_of(account(Transport.TLS), account(Transport.TLS, "b", Path("other.pem")))
    assert tls.most_listeners == 1 + 4
    assert tls.most_connections == 6


def test_six_accounts_that_share_nothing_leave_handles_for_callers() -> None:
    others = [account(Transport.TLS, str(number), Path(f"{number}.pem")) for number in range(5)]
    transports = transports_of(account(Transport.TLS), *others)
    budget = HandleBudget(calls=4, listeners=transports.most_listeners, own_connections=transports.most_connections)
    assert budget.connections > 0
    assert budget.most_signalling_handles <= HANDLES


def test_authorities_that_cannot_be_read_are_said_to_be_so(tmp_path: Path) -> None:
    missing = account(Transport.TLS, tls_ca=tmp_path / "none.pem")
    with pytest.raises(SipError, match=r"none\.pem"):
        transports_of(missing).check(missing)
    transports_of(missing).check(account(Transport.UDP))
