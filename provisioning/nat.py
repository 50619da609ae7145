"""How audio gets through a router that translates addresses."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from provisioning.addresses import HostAndPort, Transport
from provisioning.section import Section


class Nat(Section):
    """How audio gets through a router that translates addresses; most networks need nothing of this.

    Attributes:
        stun_servers: "host" or "host:port" (3478); they tell the address that others see.
        turn_server: a relay, as "host" or "host:port" (3478), for networks that let nothing else through.
        turn_transport: how the relay is reached.
        turn_password: may stand in a systemd credential named `turn-password` instead.
        ice: offer every address that may work and let the phones find one that does (RFC 8445).
    """

    stun_servers: Annotated[tuple[HostAndPort, ...], Field(max_length=4)] = ()
    turn_server: HostAndPort | None = None
    turn_transport: Transport = Transport.UDP
    turn_username: Annotated[str, Field(max_length=128)] = ""
    turn_password: SecretStr | None = None
    ice: bool = False

    @model_validator(mode="after")
    def _servers_are_for_ice(self) -> Self:
        if (self.stun_servers or self.turn_server is not None) and not self.ice:
            raise ValueError("stun_servers and turn_server need ice = true, because ICE chooses among what they offer")
        return self
