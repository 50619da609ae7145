import errno
import socket
import ssl

import pytest

from mqtt.problems import (
    BrokerError,
    BrokerProblem,
    BrokerState,
    problem_of_error,
    problem_of_puback,
    problem_of_reason,
)


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


def test_an_error_of_the_connection_has_a_name_that_a_person_can_be_shown(subtests: pytest.Subtests) -> None:
    for error, problem in (
        (socket.gaierror(socket.EAI_NONAME, "unknown"), BrokerProblem.HOST_NOT_FOUND),
        (socket.gaierror(socket.EAI_AGAIN, "no name server"), BrokerProblem.NO_NETWORK),
        (ConnectionRefusedError(), BrokerProblem.CONNECTION_REFUSED),
        (TimeoutError(), BrokerProblem.TIMED_OUT),
        (OSError(errno.ENETUNREACH, ""), BrokerProblem.NO_NETWORK),
        (OSError(errno.EHOSTUNREACH, ""), BrokerProblem.NO_NETWORK),
        (ConnectionResetError(), BrokerProblem.CONNECTION_LOST),
        (alert("TLSV1_ALERT_UNKNOWN_CA"), BrokerProblem.DEVICE_CERTIFICATE_REJECTED),
        (alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), BrokerProblem.DEVICE_CERTIFICATE_REJECTED),
        (alert("SSLV3_ALERT_CERTIFICATE_REVOKED"), BrokerProblem.DEVICE_CERTIFICATE_REJECTED),
        (alert("SSLV3_ALERT_CERTIFICATE_EXPIRED"), BrokerProblem.DEVICE_CERTIFICATE_EXPIRED),
        (alert("WRONG_VERSION_NUMBER"), BrokerProblem.TLS_FAILED),
    ):
        with subtests.test(error=error, problem=problem):
            assert problem_of_error(error) is problem


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (0x87, BrokerProblem.NOT_AUTHORIZED),
        (0x89, BrokerProblem.SERVER_BUSY),
        (0x8E, BrokerProblem.IDENTITY_IN_USE),
        (0x84, BrokerProblem.PROTOCOL_ERROR),
        (0xFF, BrokerProblem.CONNECTION_LOST),
    ],
)
def test_a_reason_code_of_the_broker_has_a_name_too(code: int, problem: BrokerProblem) -> None:
    assert problem_of_reason(code) is problem


def test_a_broker_that_refuses_a_message_is_not_unreachable() -> None:
    assert problem_of_puback(0x87) is BrokerProblem.NOT_AUTHORIZED
    for code in (0x80, 0x83, 0x90, 0x97, 0x99):
        assert BrokerError(problem_of_puback(code)).state is BrokerState.REFUSED


def test_every_problem_has_a_sentence_and_a_state(subtests: pytest.Subtests) -> None:
    for problem in [problem for problem in BrokerProblem if problem is not BrokerProblem.NONE]:
        with subtests.test(problem=problem):
            error = BrokerError(problem)
            assert str(error).endswith(".")
            assert error.state in {BrokerState.REFUSED, BrokerState.UNREACHABLE}
