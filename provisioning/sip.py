"""How the SIP stack behaves, whatever the account, and how audio gets through a NAT."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from provisioning.addresses import CallersNetwork, HostAndPort, Network
from provisioning.section import ConfigurationTable, Conflicts
from provisioning.sip_choices import Transport

DscpValue = Annotated[int, Field(ge=0, le=63)]
Codec = Literal["opus", "g722", "pcma", "pcmu"]


class CodecsByNetwork(ConfigurationTable):
    """Other choices of codecs for the network that the handset is on.

    Attributes:
        interface: the network interface towards the default account's server, such as "eth0"; "wlan*" is every Wi-Fi.
        codecs: best first, in place of those that hold elsewhere; the order is kept on every line.
    """

    interface: Annotated[str, Field(min_length=1, max_length=16, examples=["wlan*"])]
    codecs: Annotated[tuple[Codec, ...], Field(min_length=1)]


class Sip(ConfigurationTable):
    """How SIP behaves, whatever the account.

    Attributes:
        local_port: where to listen for UDP and TCP; 0 lets the system choose.
        answer_from: "servers" answers SIP only from the accounts' servers and `trusted_networks`. "anyone" would answer
            everybody, but a card's firewall lets no answer out; name the networks instead.
        trusted_networks: networks whose servers may call, too, over UDP, such as those of a cluster of PBXs. Calls may
            name them for their audio. Nobody there vouches for a caller, who is shown as not verified.
        codecs: best first; those that the build lacks are left out. An order that is written here is kept on every
            line; left out, Opus comes before G.722 where a line loses packets or is far, in running calls, too.
        codecs_by_network: other choices for some networks; the first that fits counts.
        rtp_port, rtp_ports: the range for audio: where it begins, and how many ports it has.
        keep_alive_s: seconds between keep-alives that hold a NAT's door open (RFC 5626 section 3.5.1).
        probe_s: seconds between OPTIONS to a server reached over UDP, which cannot tell otherwise that it is gone. One
            that answers none is left in peace.
        idle_probe_s: seconds between them after ten minutes without a call or a change; all else that looks after the
            line eases off likewise. Such a phone sends some 220 messages an hour, and may be out of reach for as long
            as `register_expires_s` after its server has restarted. No more than `probe_s` eases nothing: then a server
            that is back is noticed within five seconds at any time. NATs forget after 30 seconds, some sooner.
        no_answer_s: how long an incoming call rings before it counts as missed.
        retry_base_s, retry_cap_s: bounds of the back-off between tries to register. A lost server that is reached over
            TCP or TLS is looked for beside that, every second or two for some minutes.
        binding_check_s: seconds between REGISTERs to a server reached over UDP, which cannot tell otherwise that it has
            restarted and forgotten us; 0 for none, where the operator counts them.
        prefer_ipv6: of a server that both families reach, use IPv6 first.
        dscp_audio, dscp_signalling: differentiated services code points of what is sent; EF and CS3 (RFC 4594).
    """

    local_port: Annotated[int, Field(ge=0, le=65535)] = 5060
    answer_from: Literal["servers", "anyone"] = "servers"
    trusted_networks: Annotated[tuple[CallersNetwork, ...], Field(max_length=16, examples=[["203.0.113.0/24"]])] = ()
    codecs: tuple[Codec, ...] = ("g722", "opus", "pcma", "pcmu")
    codecs_by_network: Annotated[tuple[CodecsByNetwork, ...], Field(max_length=8)] = ()
    rtp_port: Annotated[int, Field(ge=1024, le=65400)] = 16384
    rtp_ports: Annotated[int, Field(ge=2, le=10000)] = 400
    keep_alive_s: Annotated[int, Field(ge=5, le=300)] = 15
    probe_s: Annotated[float, Field(ge=1, le=300)] = 2
    idle_probe_s: Annotated[float, Field(ge=1, le=300)] = 20
    no_answer_s: Annotated[int, Field(ge=10, le=600)] = 120
    retry_base_s: Annotated[float, Field(ge=0.1, le=60)] = 1
    retry_cap_s: Annotated[float, Field(ge=1, le=3600)] = 60
    binding_check_s: Annotated[float, Field(ge=0, le=300)] = 4
    prefer_ipv6: bool = False
    dscp_audio: DscpValue = 46
    dscp_signalling: DscpValue = 24

    @model_validator(mode="after")
    def _callers_find_the_port(self) -> Self:
        conflicts = Conflicts()
        if self.trusted_networks and not self.local_port:
            conflicts.add(
                "needs a local_port other than 0, which servers call and the firewall lets answer",
                ("trusted_networks",), ("local_port",),
            )  # fmt: skip
        conflicts.check()
        return self


class Nat(ConfigurationTable):
    """How audio gets through a router that translates addresses; most networks need nothing of this.

    Attributes:
        stun_servers: "host" or "host:port" (3478); they tell the address that others see.
        turn_server: a relay, as "host" or "host:port" (3478), for networks that let nothing else through.
        turn_transport: how the relay is reached.
        turn_username: the handset's name there.
        turn_password: its password there. Better sealed, as `turn-password`.
        ice: offer every address that may work and let the phones find one that does (RFC 8445); the servers that are
            named here need it.
        media: "described" exchanges a call's audio with whom the call itself names, as long as it lasts: public
            addresses, and those near the servers. "servers" exchanges it with the servers alone.
        media_networks: other networks that calls may name, such as those of a large office.
        media_refused: networks that no call may name.
    """

    stun_servers: Annotated[tuple[HostAndPort, ...], Field(max_length=4, examples=[["stun.example.com"]])] = ()
    turn_server: Annotated[HostAndPort, Field(examples=["relay.example.com"])] | None = None
    turn_transport: Transport = Transport.UDP
    turn_username: Annotated[str, Field(max_length=128, examples=["1001"])] = ""
    turn_password: SecretStr | None = None
    ice: bool = False
    media: Literal["described", "servers"] = "described"
    media_networks: Annotated[tuple[Network, ...], Field(max_length=16, examples=[["10.1.0.0/16"]])] = ()
    media_refused: Annotated[tuple[Network, ...], Field(max_length=16, examples=[["192.0.2.0/24"]])] = ()

    @model_validator(mode="after")
    def _servers_are_for_ice(self) -> Self:
        conflicts = Conflicts()
        for name, given in (("stun_servers", self.stun_servers), ("turn_server", self.turn_server)):
            if given and not self.ice:
                conflicts.add("needs ice = true, because ICE chooses among what it offers", (name,), ("ice",))
        conflicts.check()
        return self
