import queue
from collections.abc import Callable

from firmware.phone.call import RegistrationFailure
from firmware.sip.servers import Resolution, ServerResolver, look_up


def test_an_address_needs_no_lookup() -> None:
    answers: list[Resolution] = []
    ServerResolver("192.0.2.7", lambda _action: None).resolve(answers.append)
    assert answers == [Resolution(addresses=("192.0.2.7",))]


def test_a_name_is_looked_up_elsewhere_and_answered_where_asked() -> None:
    delivered = queue.Queue[Callable[[], None]]()
    answers: list[Resolution] = []
    resolver = ServerResolver("localhost", delivered.put)
    resolver.resolve(answers.append)
    resolver.resolve(answers.append)
    assert answers == []
    delivered.get(timeout=10)()
    assert answers == [Resolution(addresses=("127.0.0.1",))] * 2


def test_a_name_that_does_not_exist_is_not_found() -> None:
    failure = look_up("sip.invalid").failure
    assert failure in {RegistrationFailure.SERVER_NOT_FOUND, RegistrationFailure.NO_NETWORK}


def test_a_name_that_cannot_exist_is_not_found() -> None:
    assert look_up("a" * 80 + ".example").failure is not None
