"""A home with a phone under the card's rules, a PBX, and somebody else's phone: three networks on one bridge."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from firmware.phone.call import RegistrationState
from firmware.settings.voice import media_networks, sip_settings
from firmware.voice.sip.settings import AccountSettings, SipSettings
from provisioning.parsing import parse_configuration
from provisioning.sip import Nat
from provisioning.sip_choices import Srtp, Transport
from tests.lab.asterisk import DOMAIN, UDP_PORT, Asterisk
from tests.lab.card_rules import card_rules
from tests.lab.network import CableEnd, Namespace, VethCable
from tests.lab.second_phone import SecondPhone
from tests.lab.sip_line import SipLine

PBX, PHONE, FRIEND = "10.9.0.1", "10.9.0.2", "10.9.0.3"
PBX_6, PHONE_6, FRIEND_6 = "fd09::1", "fd09::2", "fd09::3"
MEDIA, MEDIA_6 = "10.9.0.9", "fd09::9"
"""More addresses of the PBX's, which nobody signals to."""
PUBLIC_FRIEND: Final = "9.9.9.9"
STRANGER, STRANGER_6 = "10.9.0.4", "fd09::4"
CALLER: Final = "10.77.0.5"
"""Of a network that is none of the PBX's."""
USERS: Final = {"alice": "secret-of-alice", "bob": "secret-of-bob"}
PHONE_HZ: Final = 400
FRIEND_HZ: Final = 700


@dataclass(frozen=True, slots=True)
class PbxSite:
    """The networks, and the PBX that runs in one of them."""

    folder: Path
    phone_network: Namespace
    friend_network: Namespace
    pbx_network: Namespace
    pbx: Asterisk
    phone_end: CableEnd

    @contextlib.contextmanager
    def phone(
        self, *, server: str = PBX, rules: str = "", account: Mapping[str, object] | None = None, **settings: object
    ) -> Iterator[SipLine]:
        """Run the stack under test; it is registered, and speaks its tone.

        Args:
            server: the address that it registers at.
            rules: the table [nat] of its configuration, and tables after it, by which the firewall's rules are.
            account: what is otherwise of its account.
            settings: more of the stack's.
        """
        door = self.folder / "media.sock"
        host = f"[{server}]" if ":" in server else server
        written = [
            "[device]", 'id = "a"', 'fleet = "b"', "[[accounts]]", 'username = "alice"', 'password = "x"',
            f'domain = "{host}"', 'transport = "udp"', f"port = {UDP_PORT}", 'srtp = "off"', "[nat]", rules,
        ]  # fmt: skip
        configuration = parse_configuration("\n".join(written))
        own = replace(self._account("alice", server), **(account or {}))  # type: ignore[arg-type]
        wanted = sip_settings(configuration)
        more = {
            "local_port": wanted.local_port,
            "media_door": str(door),
            "media_networks": wanted.media_networks,
            "trusted_networks": wanted.trusted_networks,
            **settings,
        }
        line = SipLine(SipSettings(own, **more))  # type: ignore[arg-type]
        with card_rules(self.phone_network, configuration, {host: [server]}, door):
            with self.phone_network.entered():
                line.start()
            try:
                line.wait_for_registration(RegistrationState.REGISTERED)
                line.say(PHONE_HZ)
                yield line
            finally:
                line.stop()

    @contextlib.contextmanager
    def line(self, *, account: Mapping[str, object] | None = None, **settings: object) -> Iterator[SipLine]:
        """Run the stack under test without the card's rules, whatever becomes of its registration.

        Args:
            account: what is otherwise of its account.
            settings: more of the stack's.
        """
        own = replace(self._account("alice", PBX), **(account or {}))  # type: ignore[arg-type]
        line = SipLine(SipSettings(own, local_port=0, **settings))  # type: ignore[arg-type]
        with self.phone_network.entered():
            line.start()
        try:
            yield line
        finally:
            line.stop()

    @contextlib.contextmanager
    def stranger(self) -> Iterator[Namespace]:
        """Return a network of somebody else's on the bridge."""
        with Namespace() as place, _cable(place, self.pbx_network, [f"{STRANGER}/24", f"{STRANGER_6}/64"]):
            place.ip("route", "add", "default", "dev", "cable0")
            yield place

    def drop(self, method: str) -> None:
        """Have the PBX's network swallow requests of a method from now on, known by their first six letters."""
        self._swallow("input", f"udp dport {UDP_PORT} @th,64,48 0x{method[:6].encode().hex()}")

    def mute(self, way: str) -> None:
        """Have the PBX's network swallow audio and its reports from now on.

        Args:
            way: of the phone's that come there ("input"), or of those that go to it ("output").
        """
        self._swallow(
            way, f"ip {'saddr' if way == 'input' else 'daddr'} {PHONE} udp sport != {UDP_PORT} udp dport != {UDP_PORT}"
        )

    def _swallow(self, way: str, packets: str) -> None:
        chain = f"chain {way} {{ type filter hook {way} priority 0; {packets} drop; }}"
        self.pbx_network.run("nft", "-f", "-", stdin=f"table inet lab {{\n{chain}\n}}\n")

    @contextlib.contextmanager
    def friend(
        self, *, server: str = PBX, account: Mapping[str, object] | None = None, **settings: object
    ) -> Iterator[SecondPhone]:
        """Run the other phone, registered as bob; it speaks a tone of its own."""
        own = replace(self._account("bob", server), **(account or {}))  # type: ignore[arg-type]
        more = {"media_networks": media_networks(Nat()), **settings}
        phone = SecondPhone(SipSettings(own, local_port=0, **more))  # type: ignore[arg-type]
        with self.friend_network.entered():
            phone.start()
        try:
            phone.wait_for_registration(RegistrationState.REGISTERED)
            phone.say(FRIEND_HZ)
            yield phone
        finally:
            phone.stop()

    def _account(self, user: str, server: str) -> AccountSettings:
        host = f"[{server}]" if ":" in server else server
        return AccountSettings(user, DOMAIN, host, UDP_PORT, Transport.UDP, USERS[user], srtp=Srtp.OFF)


@contextlib.contextmanager
def pbx_site(folder: Path, *, friend: str = FRIEND, endpoint: Sequence[str] = ()) -> Iterator[PbxSite]:
    """Build it.

    Args:
        folder: where everything keeps its files.
        friend: the other phone's address of IPv4.
        endpoint: more lines of each endpoint's in the PBX's configuration.
    """
    with (
        Namespace() as pbx,
        Namespace() as phone,
        Namespace() as other,
        _cable(phone, pbx, [f"{PHONE}/24", f"{PHONE_6}/64"]) as phone_end,
        _cable(other, pbx, [f"{friend}/24", f"{FRIEND_6}/64"]),
        Asterisk(folder / "pbx", USERS, pbx, endpoint=endpoint) as asterisk,
    ):
        for network in (phone, other):
            # What is at none of the usual addresses is on the bridge as well.
            network.ip("route", "add", "default", "dev", "cable0")
        pbx.ip("route", "add", "default", "dev", "bridge")
        yield PbxSite(folder, phone, other, pbx, asterisk, phone_end)


@contextlib.contextmanager
def _cable(place: Namespace, pbx: Namespace, addresses: Sequence[str]) -> Iterator[CableEnd]:
    with VethCable(place, pbx, addresses, []) as cable:
        if "bridge" not in pbx.run("ip", "-brief", "link"):
            pbx.ip("link", "add", "bridge", "type", "bridge")
            pbx.ip("link", "set", "bridge", "up")
            for address in (PBX, MEDIA):
                pbx.ip("address", "add", f"{address}/24", "dev", "bridge")
            # The kernel sends from none that is deprecated unless asked to, and Asterisk takes the last for its own.
            for address, more in ((MEDIA_6, ("preferred_lft", "0")), (PBX_6, ())):
                pbx.ip("-6", "address", "add", f"{address}/64", "dev", "bridge", "nodad", *more)
        pbx.ip("link", "set", cable.second.device, "master", "bridge")
        yield cable.first
