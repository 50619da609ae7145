"""How the SIP library's few handles are shared out, so that no flood uses them up.

pjproject's `select` I/O queues have 64 handles each, one queue for signalling and one for audio. A closed socket keeps
its handle for half a second, and opening one where none is free aborts the process (ioqueue_select.c). All that opens
a socket is therefore limited, and the limits are derived here.
"""

from dataclasses import dataclass
from typing import Final, Self

HANDLES: Final = 64  # PJ_IOQUEUE_MAX_HANDLES of this build
LINGER_S: Final = 0.6  # PJ_IOQUEUE_KEY_FREE_DELAY is 500 ms, and the poll that frees a handle comes after it
RTP_AND_RTCP: Final = 2
_OUTGOING_WITH_RELAY: Final = 2
_SPARE: Final = 4
_FOR_ANSWERS: Final = 8  # connections made to answer callers whose own has ended

# Of the INVITEs that fit: half for the servers' own ports, a quarter each for the rest.
_SHARES: Final = 4
_SERVER_SHARES: Final = 2

# Connections accepted between two looks at how many there are: the listeners' backlog (PJSIP_TCP_TRANSPORT_BACKLOG is
# 5, and the kernel takes one more) for each of IPv4 and IPv6.
BACKLOG: Final = 12


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many INVITEs may come in: `rate` a second, `burst` at once."""

    rate: float
    burst: float

    @property
    def most_lingering(self) -> float:
        """The most that hold handles at any moment, when each is turned away at once."""
        return self.burst + self.rate * LINGER_S


@dataclass(frozen=True, slots=True)
class HandleBudget:
    """What may happen at once without running out of handles.

    Attributes:
        calls: simultaneous calls.
        handles_per_call: sockets that a call's audio needs: RTP and RTCP, more of them with ICE over two networks or
            with a relay.
        outgoing_calls: how many calls may be placed within LINGER_S.
        listeners: signalling sockets that are always there: one for each transport and address family, and the one that
            wakes the thread.
        own_connections: to servers, with one that lingers for each.
    """

    calls: int
    handles_per_call: int = RTP_AND_RTCP
    outgoing_calls: int = 6
    listeners: int = 7
    own_connections: int = 8

    @classmethod
    def shared(cls, calls: int, *, with_relay: bool) -> Self:
        """Return the budget for so many calls; a relay doubles what each needs, so that fewer are placed at once.

        Raises:
            ValueError: they leave too little for those who call.
        """
        if with_relay:
            return cls(calls, handles_per_call=2 * RTP_AND_RTCP, outgoing_calls=_OUTGOING_WITH_RELAY)
        return cls(calls)

    def __post_init__(self) -> None:
        if self._invites < _SHARES * (1 + LINGER_S):
            raise ValueError(
                f"{self.calls} calls with {self.handles_per_call} sockets each leave too little of the SIP stack's "
                f"{HANDLES} handles for those who call. Allow fewer calls."
            )

    @property
    def server_invites(self) -> Allowance:
        """For what comes from a configured server's own port."""
        return self._allowance(_SERVER_SHARES)

    @property
    def server_host_invites(self) -> Allowance:
        """For what comes from a configured server's address, but not from its port."""
        return self._allowance(1)

    @property
    def stranger_invites(self) -> Allowance:
        """For everybody else, where they are answered at all."""
        return self._allowance(1)

    @property
    def connections_made(self) -> int:
        """How many connections of our own there may be before callers may cause no more of them."""
        # Those whom that many have let in meanwhile cause as many again.
        return self.own_connections + _FOR_ANSWERS // 2

    @property
    def connections(self) -> int:
        """How many connections of others may be open or linger before the doors are shut, for each class of peers."""
        left = HANDLES - _SPARE - self.listeners - self.own_connections - BACKLOG - _FOR_ANSWERS
        return left // 2

    @property
    def most_audio_handles(self) -> float:
        """The most handles of the audio queue in use at any moment."""
        flood = sum(
            allowance.most_lingering
            for allowance in (self.server_invites, self.server_host_invites, self.stranger_invites)
        )
        return self.handles_per_call * (self.calls + self.outgoing_calls + flood)

    @property
    def most_signalling_handles(self) -> int:
        """The most handles of the signalling queue in use at any moment."""
        return self.listeners + self.own_connections + BACKLOG + _FOR_ANSWERS + 2 * self.connections

    @property
    def _invites(self) -> float:
        """How many INVITEs beyond the calls may hold handles at any moment."""
        return (HANDLES - _SPARE) / self.handles_per_call - self.calls - self.outgoing_calls

    def _allowance(self, shares: int) -> Allowance:
        # A burst of b and then b a second hold handles for b + b * LINGER_S at most.
        size = self._invites * shares / _SHARES / (1 + LINGER_S)
        return Allowance(rate=size, burst=size)
