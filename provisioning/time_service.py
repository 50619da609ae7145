"""Where the handset gets the time."""

from typing import Annotated

from pydantic import Field, field_validator

from provisioning.addresses import Host
from provisioning.section import ConfigurationTable, Conflicts


class Time(ConfigurationTable):
    """Where the handset gets the time; the machine's own settings stay where the whole table is left out.

    Attributes:
        servers: NTP servers, best first.
    """

    servers: Annotated[tuple[Host, ...], Field(min_length=1, max_length=8, examples=[["ntp.example.com"]])]

    @field_validator("servers")
    @classmethod
    def _servers_stand_once(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        conflicts = Conflicts()
        for position, server in enumerate(servers):
            if server in servers[:position]:
                conflicts.add("this server stands here for the second time; give each once", (position,))
        conflicts.check()
        return servers
