import queue
from collections.abc import Callable

import pytest

from firmware.phone.call import RegistrationFailure
from firmware.voice.sip.failover import Target
from firmware.voice.sip.servers import MAX_TARGETS, Resolution, ServerResolver, addresses_of, look_up
from firmware.voice.sip.settings import AccountSettings, ServerName
from provisioning.sip_choices import Transport


def account(*servers: ServerName) -> AccountSettings:
    first, *others = servers
    return AccountSettings(
        "alice", "sip.example", first.host, first.port, Transport.UDP, "secret", fallback_servers=tuple(others)
    )


def test_addresses_need_no_lookup_and_keep_their_order() -> None:
    answers: list[Resolution] = []
    servers = account(ServerName("192.0.2.7", 5060), ServerName("[2001:DB8::7]", 5062))
    ServerResolver(servers, lambda _action: None).resolve(answers.append)
    expected = (Target("192.0.2.7", "192.0.2.7", 5060), Target("[2001:DB8::7]", "2001:db8::7", 5062))
    assert answers == [Resolution(targets=expected)]


def test_a_name_is_looked_up_elsewhere_and_answered_where_asked() -> None:
    delivered = queue.Queue[Callable[[], None]]()
    answers: list[Resolution] = []
    resolver = ServerResolver(account(ServerName("localhost", 5060)), delivered.put)
    resolver.resolve(answers.append)
    resolver.resolve(answers.append)
    assert answers == []
    delivered.get(timeout=10)()
    assert len(answers) == 2
    assert answers[0].targets[0] == Target("localhost", "127.0.0.1", 5060)


@pytest.mark.parametrize("host", ["sip.invalid", "a" * 80 + ".example"])
def test_a_name_that_does_not_or_cannot_exist_is_not_found(host: str) -> None:
    failure = look_up(account(ServerName(host, 5060))).failure
    assert failure in {RegistrationFailure.SERVER_NOT_FOUND, RegistrationFailure.NO_NETWORK}


def test_a_name_that_does_not_exist_leaves_the_other_servers() -> None:
    found = look_up(account(ServerName("sip.invalid", 5060), ServerName("127.0.0.2", 5070)))
    assert found.targets == (Target("127.0.0.2", "127.0.0.2", 5070),)


def test_servers_that_are_very_many_are_cut_to_the_best() -> None:
    found = look_up(account(*(ServerName(f"127.0.0.{number}", 5060) for number in range(1, 20))))
    assert len(found.targets) == MAX_TARGETS
    assert found.targets[0].address == "127.0.0.1"


def test_an_address_in_brackets_is_its_own_address() -> None:
    assert addresses_of("[::1]") == ("::1",)
