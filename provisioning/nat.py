"""How audio gets through a router that translates addresses."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from provisioning.addresses import HostAndPort
from provisioning.section import ConfigurationTable, Conflicts
from provisioning.sip_choices import Transport


class Nat(ConfigurationTable):
    """How audio gets through a router that translates addresses; most networks need nothing of this.

    Attributes:
        stun_servers: "host" or "host:port" (3478); they tell the address that others see.
        turn_server: a relay, as "host" or "host:port" (3478), for networks that let nothing else through.
        turn_transport: how the relay is reached.
        turn_username: the handset's name there.
        turn_password: its password there. Better sealed, as `turn-password`.
        ice: offer every address that may work and let the phones find one that does (RFC 8445); the other settings here
            need it.
    """

    stun_servers: Annotated[tuple[HostAndPort, ...], Field(max_length=4, examples=[["stun.example.com"]])] = ()
    turn_server: Annotated[HostAndPort, Field(examples=["relay.example.com"])] | None = None
    turn_transport: Transport = Transport.UDP
    turn_username: Annotated[str, Field(max_length=128, examples=["1001"])] = ""
    turn_password: SecretStr | None = None
    ice: bool = False

    @model_validator(mode="after")
    def _servers_are_for_ice(self) -> Self:
        conflicts = Conflicts()
        for name, given in (("stun_servers", self.stun_servers), ("turn_server", self.turn_server)):
            if given and not self.ice:
                conflicts.add("needs ice = true, because ICE chooses among what it offers", (name,), ("ice",))
        conflicts.check()
        return self
