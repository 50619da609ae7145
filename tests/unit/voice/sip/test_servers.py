import queue
from collections.abc import Callable

import pytest

from firmware.phone.call import RegistrationFailure
from firmware.voice.sip.servers import (
    MAX_TARGETS,
    Resolution,
    ServerChoice,
    ServerResolver,
    Target,
    addresses_of,
    look_up,
)
from firmware.voice.sip.settings import AccountSettings, ServerName
from provisioning.sip_choices import Transport

A, B, C = (Target(name, address, 5060) for name, address in (("a", "192.0.2.1"), ("b", "192.0.2.2"), ("c", "::1")))


def choice_of(*targets: Target) -> ServerChoice:
    choice = ServerChoice()
    choice.offer(targets)
    return choice


def test_the_best_server_is_used_first() -> None:
    assert choice_of(A, B).current == A


def test_without_servers_there_is_none_to_use_and_none_to_go_to() -> None:
    choice = ServerChoice()
    assert not choice.advance()
    assert choice.current is None
    assert choice.is_at_first


def test_each_server_is_tried_once_before_the_best_gets_its_turn_after_a_rest() -> None:
    choice = choice_of(A, B, C)
    tried = [choice.current]
    while choice.advance():
        tried.append(choice.current)
    assert tried == [A, B, C]
    assert choice.current == A


def test_a_server_that_worked_has_the_others_forgiven() -> None:
    choice = choice_of(A, B)
    choice.advance()
    choice.settle()
    assert choice.advance()
    assert choice.current == A


def test_the_server_in_use_stays_in_use_when_others_are_found() -> None:
    choice = choice_of(A, B)
    choice.advance()
    choice.offer([C, B])
    assert choice.current == B
    assert not choice.is_at_first
    choice.return_to_first()
    assert choice.current == C


def test_a_server_that_is_no_more_is_left_for_the_best() -> None:
    choice = choice_of(A, B)
    choice.offer([B, C])
    assert choice.current == B


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
