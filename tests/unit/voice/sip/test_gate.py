from firmware.voice.sip.gate import MOST_CONNECTIONS_MADE, GatePolicy, Request, TokenBucket

SERVER, STRANGER = "192.0.2.10", "198.51.100.7"
SERVER_PORT = 5060


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def policy(*, answer_anyone: bool, clock: Clock | None = None) -> GatePolicy:
    gate = GatePolicy(answer_anyone=answer_anyone, clock=clock or Clock())
    gate.set_servers({SERVER}, {SERVER_PORT})
    return gate


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=5, burst=5, clock=clock)
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now_s += 0.2
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.now_s += 3600
    assert sum(bucket.take() for _ in range(100)) == 5


def invite(source: str = SERVER, port: int = SERVER_PORT) -> Request:
    return Request(source, port, "INVITE", in_dialog=False)


def other(method: str, source: str = SERVER, *, in_dialog: bool = False) -> Request:
    return Request(source, SERVER_PORT, method, in_dialog)


def admitted(gate: GatePolicy, request: Request, count: int = 200) -> int:
    return sum(gate.decide(request) == 0 for _ in range(count))


def test_strangers_get_no_answer_not_even_within_a_dialog() -> None:
    gate = policy(answer_anyone=False)
    for method in ("INVITE", "OPTIONS", "BYE"):
        for in_dialog in (False, True):
            assert gate.decide(other(method, STRANGER, in_dialog=in_dialog)) == -1
    assert gate.decide(other("OPTIONS")) == 0


def test_others_of_a_trusted_network_are_told_when_they_are_too_many_and_leave_the_servers_room() -> None:
    gate = GatePolicy(answer_anyone=False, networks=["198.51.100.0/29"], clock=Clock())
    gate.set_servers({SERVER}, {SERVER_PORT})
    assert [gate.decide(invite(STRANGER)) for _ in range(6)] == [0] * 5 + [503]
    assert gate.decide(invite("198.51.100.8")) == -1
    assert gate.decide(invite()) == 0


def test_before_the_servers_are_known_nobody_gets_an_answer() -> None:
    gate = GatePolicy(answer_anyone=False)
    assert gate.decide(invite()) == -1


def test_a_server_beyond_its_limit_is_told_so() -> None:
    gate = policy(answer_anyone=False)
    verdicts = [gate.decide(invite()) for _ in range(24)]
    assert verdicts == [0] * 20 + [503] * 4


def test_strangers_beyond_their_limit_are_dropped() -> None:
    gate = policy(answer_anyone=True)
    assert [gate.decide(invite(STRANGER)) for _ in range(8)] == [0] * 5 + [-1] * 3


def test_a_flood_from_one_place_leaves_room_for_the_others() -> None:
    sources = {"server": invite(), "its host": invite(port=40000), "stranger": invite(STRANGER)}
    for flooding in sources.values():
        gate = policy(answer_anyone=True)
        assert admitted(gate, flooding) <= 20
        for request in sources.values():
            assert request is flooding or gate.decide(request) == 0


def test_what_ends_calls_is_never_refused() -> None:
    gate = policy(answer_anyone=False)
    for method in ("ACK", "BYE", "CANCEL"):
        for in_dialog in (False, True):
            assert admitted(gate, other(method, in_dialog=in_dialog)) == 200


def test_requests_within_calls_have_a_limit_of_their_own() -> None:
    gate = policy(answer_anyone=False)
    assert admitted(gate, other("INVITE", in_dialog=True)) == 60
    assert gate.decide(other("INFO", in_dialog=True)) == 503
    assert gate.decide(invite()) == 0
    assert gate.decide(other("BYE", in_dialog=True)) == 0


def test_other_requests_have_a_limit_of_their_own() -> None:
    gate = policy(answer_anyone=True)
    assert admitted(gate, other("MESSAGE", STRANGER)) == 40
    assert admitted(gate, other("OPTIONS")) == 40
    assert gate.decide(other("NOTIFY")) == 503
    assert gate.decide(invite()) == 0


def test_a_server_is_known_in_every_spelling_of_its_address() -> None:
    gate = policy(answer_anyone=False)
    gate.set_servers(["2001:DB8:0:0::10", "::ffff:192.0.2.10"], {SERVER_PORT})
    assert gate.decide(invite("2001:db8::10")) == 0
    assert gate.decide(invite("192.0.2.10")) == 0
    assert gate.decide(invite("2001:db8::11")) == -1


def test_the_gate_opens_again_with_time() -> None:
    clock = Clock()
    gate = policy(answer_anyone=False, clock=clock)
    admitted(gate, invite())
    clock.now_s += 0.2
    assert gate.decide(invite()) == 0


def test_while_many_connections_are_being_made_only_a_servers_own_port_may_cause_more() -> None:
    made = 0
    gate = GatePolicy(answer_anyone=True, connections_made=lambda: made, clock=Clock())
    gate.set_servers({SERVER}, {SERVER_PORT})
    requests = (invite(), invite(port=40000), invite(STRANGER))
    assert [gate.decide(request) for request in requests] == [0, 0, 0]
    made = MOST_CONNECTIONS_MADE
    assert [gate.decide(request) for request in requests] == [0, 503, -1]
    assert gate.decide(other("OPTIONS", STRANGER)) == 0
