"""Asks a broker whether it lets a certificate in, without taking the place of whoever is connected by that name."""

import socket
from contextlib import suppress
from typing import Final

from mqtt.problems import BrokerError, BrokerProblem, problem_of_error
from mqtt.tls import Server, plain_context

# A CONNECT of a version that there is none of: brokers answer it by a CONNACK before they look at who it is from (MQTT
# 3.1.1, [MQTT-3.1.2-2]).
_OF_NO_VERSION: Final = bytes.fromhex("10 0c 0004 4d515454 09 02 003c 0000")
_CONNACK: Final = 0x20


def knock(server: Server, timeout_s: float) -> bytes:
    """Go through the handshake with our certificate, and have the broker say that it speaks MQTT.

    Args:
        server: where it is, and what it is shown.
        timeout_s: for each step: the connection, the handshake, the answer.

    Returns:
        The broker's own certificate, DER.

    Raises:
        BrokerError: it is not there, does not let the certificate in, or speaks something else.
    """
    context = plain_context(server)
    try:
        with (
            socket.create_connection((server.host.strip("[]"), server.port), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=server.host.strip("[]")) as connection,
        ):
            certificate = connection.getpeercert(binary_form=True)
            # A broker that turns the certificate away may have hung up by now; why, is read below.
            with suppress(ConnectionError):
                connection.sendall(_OF_NO_VERSION)
            answer = connection.recv(1)
    except OSError as error:
        raise BrokerError(problem_of_error(error)) from error
    if not answer or answer[0] != _CONNACK or certificate is None:
        raise BrokerError(BrokerProblem.PROTOCOL_ERROR if answer else BrokerProblem.CONNECTION_LOST)
    return certificate
