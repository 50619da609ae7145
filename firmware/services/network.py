"""How the handset is connected, as voice sees it."""

from collections.abc import Iterable, Mapping
from typing import Final

from firmware.base.words import Text, word
from firmware.voice.messages import GATEWAY, NAME_SERVER, SIGNAL

_WORDS: Final[Mapping[str, Text]] = {
    GATEWAY: word("Gateway"),
    NAME_SERVER: word("Name server"),
    SIGNAL: word("Signal"),
}


def network_facts(
    network: Iterable[tuple[str, str]], servers: Iterable[tuple[str, str]]
) -> tuple[tuple[Text, Text], ...]:
    """Return addresses, gateway, name servers and the servers of each line.

    Args:
        network: as voice reports it, see firmware.voice.instruments.
        servers: pairs of an account's label and its server.
    """
    own = tuple((_WORDS.get(kind, kind), value) for kind, value in network)
    return (
        *(own or ((word("Network"), word("not connected")),)),
        *((word("Server of {line}", line=label), server) for label, server in servers),
    )
