from firmware.sip.gate import GatePolicy, Request, TokenBucket

SERVER, STRANGER = "192.0.2.10", "198.51.100.7"


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def policy(*, answer_anyone: bool, clock: Clock | None = None) -> GatePolicy:
    gate = GatePolicy(answer_anyone=answer_anyone, clock=clock or Clock())
    gate.set_servers({SERVER})
    return gate


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=5, burst=5, clock=clock)
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now_s += 0.2
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.now_s += 3600
    assert sum(bucket.take() for _ in range(100)) == 5


def test_strangers_get_no_answer_not_even_within_a_dialog() -> None:
    gate = policy(answer_anyone=False)
    for method in ("INVITE", "OPTIONS", "BYE"):
        for in_dialog in (False, True):
            assert gate.decide(Request(STRANGER, method, in_dialog)) == -1
    assert gate.decide(Request(SERVER, "OPTIONS", False)) == 0


def test_before_the_servers_are_known_nobody_gets_an_answer() -> None:
    assert GatePolicy(answer_anyone=False).decide(Request(SERVER, "INVITE", False)) == -1


def test_a_server_beyond_its_limit_is_told_so() -> None:
    gate = policy(answer_anyone=False)
    verdicts = [gate.decide(Request(SERVER, "INVITE", False)) for _ in range(20)]
    assert verdicts == [0] * 8 + [503] * 12


def test_strangers_beyond_their_limit_are_dropped_and_cannot_use_up_the_servers() -> None:
    gate = policy(answer_anyone=True)
    assert [gate.decide(Request(STRANGER, "INVITE", False)) for _ in range(6)] == [0] * 4 + [-1] * 2
    assert gate.decide(Request(SERVER, "INVITE", False)) == 0


def test_requests_within_a_dialog_and_other_methods_are_not_counted() -> None:
    gate = policy(answer_anyone=False)
    assert {gate.decide(Request(SERVER, "INVITE", True)) for _ in range(50)} == {0}
    assert {gate.decide(Request(SERVER, "ACK", False)) for _ in range(50)} == {0}


def test_the_gate_opens_again_with_time() -> None:
    clock = Clock()
    gate = policy(answer_anyone=False, clock=clock)
    for _ in range(20):
        gate.decide(Request(SERVER, "INVITE", False))
    clock.now_s += 0.2
    assert gate.decide(Request(SERVER, "INVITE", False)) == 0
