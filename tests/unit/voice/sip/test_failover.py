from firmware.voice.sip.failover import ServerChoice, Target

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
