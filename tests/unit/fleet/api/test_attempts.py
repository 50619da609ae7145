from fleet.api.access import PER_MINUTE, PER_MINUTE_IN_ALL, Attempts


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_somebody_may_try_a_few_times_and_then_once_every_ten_seconds() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    assert [attempts.take("192.0.2.1", "dashboard.anna") for _ in range(PER_MINUTE)] == [0.0] * PER_MINUTE
    assert attempts.take("192.0.2.1", "dashboard.anna") == 60 / PER_MINUTE
    clock.now += 60 / PER_MINUTE
    assert attempts.take("192.0.2.1", "dashboard.anna") == 0
    assert attempts.take("192.0.2.1", "dashboard.anna") > 0


def test_whoever_guesses_keeps_nobody_else_out() -> None:
    attempts = Attempts(Clock())
    for _ in range(100):
        attempts.take("192.0.2.66", "dashboard.anna")
    assert attempts.take("192.0.2.1", "dashboard.anna") == 0


def test_everybody_together_asks_the_broker_no_more_than_it_bears() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    tried = [attempts.take(f"192.0.2.{number}", f"dashboard.{number}") for number in range(200)]
    assert tried.count(0.0) == PER_MINUTE_IN_ALL
    clock.now += 60
    assert attempts.take("192.0.2.1", "dashboard.anna") == 0
