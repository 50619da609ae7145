from ipaddress import ip_address

import pytest

from fleet.api.attempts import PER_MINUTE, PER_MINUTE_IN_ALL, Attempts, visitor_of

PROXY = ip_address("192.0.2.5")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_address_may_fail_a_few_times_and_then_once_every_ten_seconds() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    assert [attempts.take("192.0.2.1") for _ in range(PER_MINUTE)] == [0.0] * PER_MINUTE
    assert attempts.take("192.0.2.1") == 60 / PER_MINUTE
    clock.now += 60 / PER_MINUTE
    assert attempts.take("192.0.2.1") == 0
    assert attempts.take("192.0.2.1") > 0


def test_whoever_guesses_keeps_nobody_else_out() -> None:
    attempts = Attempts(Clock())
    for _ in range(100):
        attempts.take("192.0.2.66")
    assert attempts.take("192.0.2.1") == 0


def test_everybody_together_asks_the_broker_no_more_than_it_bears() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    tried = [attempts.take(f"192.0.2.{number}") for number in range(200)]
    assert tried.count(0.0) == PER_MINUTE_IN_ALL
    clock.now += 60
    assert attempts.take("192.0.2.1") == 0


def test_what_does_not_fail_costs_nobody_anything() -> None:
    attempts = Attempts(Clock())
    for _ in range(2 * PER_MINUTE_IN_ALL):
        assert attempts.take("192.0.2.1") == 0
        attempts.give_back("192.0.2.1")
    assert [attempts.take("192.0.2.1") for _ in range(PER_MINUTE)] == [0.0] * PER_MINUTE
    assert attempts.take("192.0.2.1") > 0


def test_only_the_word_of_the_proxy_counts_and_of_it_the_last(subtests: pytest.Subtests) -> None:
    for peer, forwarded, proxy, visitor in (
        ("198.51.100.7", (), False, "198.51.100.7"),
        ("127.0.0.1", ("203.0.113.9",), False, "127.0.0.1"),
        ("127.0.0.1", ("203.0.113.9",), True, "203.0.113.9"),
        ("::1", ("203.0.113.9",), True, "203.0.113.9"),
        ("::ffff:127.0.0.1", ("203.0.113.9",), True, "203.0.113.9"),
        ("198.51.100.7", ("203.0.113.9",), True, "198.51.100.7"),
        ("192.0.2.5", ("203.0.113.9",), PROXY, "203.0.113.9"),
        ("127.0.0.1", ("203.0.113.9",), PROXY, "127.0.0.1"),
        # What a visitor sends stands before what the proxy adds, in the same header or in one before it.
        ("192.0.2.5", ("1.1.1.1, 127.0.0.1, 203.0.113.9",), PROXY, "203.0.113.9"),
        ("192.0.2.5", ("1.1.1.1", "203.0.113.9"), PROXY, "203.0.113.9"),
        ("192.0.2.5", ("1.1.1.1, 192.0.2.5",), PROXY, "192.0.2.5"),
        ("192.0.2.5", ("1.1.1.1, unknown",), PROXY, "192.0.2.5"),
        ("192.0.2.5", ("1.1.1.1, ",), PROXY, "192.0.2.5"),
        ("192.0.2.5", (), PROXY, "192.0.2.5"),
        ("2001:db8:1:2:3:4:5:6", (), False, "2001:db8:1:2::/64"),
        ("192.0.2.5", ("2001:db8:1:2::ffff",), PROXY, "2001:db8:1:2::/64"),
        ("", ("203.0.113.9",), True, ""),
    ):
        with subtests.test(peer=peer, visitor=visitor):
            assert visitor_of(peer, forwarded, proxy) == visitor
