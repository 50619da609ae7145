# ruff: noqa: INP001 (a script that stands beside the units; a package named systemd would hide systemd-python)
"""Load the firewall rules with the addresses of the servers that the configurations in force name, and of an update's.

Those are what root itself has verified of bundles, which the handset cannot change, and what stands in /etc.

Run as root by wecall-firewall.service. The rules stand first, with the addresses that were found last time, and only
then are names asked for: a network that is not up yet neither leaves the processes unconfined nor delays the phone.
"""

import argparse
import ipaddress
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import systemd.daemon

from firmware.fetch.wanted import Wanted, WantedError, read_wanted
from firmware.setup.root.record import RecordError, read_record
from provisioning.accounts import Account
from provisioning.addresses import split_port
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.schema import Configuration
from provisioning.sip import Sip
from provisioning.sip_choices import SERVICE_LABELS, Transport

RULES = Path("/opt/wecall/share/wecall.nft")
CONFIGURATION = Path("/etc/wecall/config.toml")
APPLIED = Path("/var/lib/wecall-apply")
LAST_GOOD = Path("/var/lib/wecall/configuration.last-good.toml")
ADDRESSES = Path("/var/lib/wecall-firewall/addresses.json")
WANTED = Path("/run/wecall-update/wanted.json")
MORE_MEDIA = Path("/etc/wecall/media-networks")
RESOLVERS = Path("/etc/resolv.conf")
IPV4_ROUTES = Path("/proc/self/net/route")
IPV6_ROUTES = Path("/proc/self/net/ipv6_route")
STUN_PORT = 3478  # RFC 8489 section 18.6
EVERYWHERE = ("0.0.0.0/0", "::/0")
USUAL_LENGTHS = {4: 24, 6: 64}
SRV_TIMEOUT_S = 5.0
# A path unit does not look while what it triggers runs: moments, and on a very busy computer some seconds.
BLIND_S = 10.0
POLL_S = 0.2
# As much as the configuration of a bundle may have.
MOST_BYTES = 256 * 1024

Addresses = dict[str, list[str]]


def main() -> int:
    """Load the rules, ask for the names, load the rules again; 75 (EX_TEMPFAIL) where a name has no answer."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--print", action="store_true", help="print what nft would be given, from known addresses")
    arguments = options.parse_args()
    if arguments.print:
        sys.stdout.write(ruleset(_configurations(), _known_addresses(), _wanted()))
        return 0
    _load(ruleset(_configurations(), _known_addresses(), _wanted()))
    systemd.daemon.notify("READY=1")
    while True:
        followed = _followed_texts()
        missing = _refresh(_configurations(), _wanted())
        if not _changes_soon(followed):
            break
    for _ in missing:
        print("A server of the configuration has no address; asking again soon.", file=sys.stderr)  # noqa: T201 (the journal)
    return 75 if missing else 0


def _followed_texts() -> tuple[str, ...]:
    """Return what the path unit follows."""
    return _text(CONFIGURATION), _text(MORE_MEDIA), _text(APPLIED / "record.json"), _text(WANTED)


def _changes_soon(followed: tuple[str, ...]) -> bool:
    """Say whether what was followed changes while the path unit, which has started this, may still be blind."""
    deadline = time.monotonic() + BLIND_S
    while time.monotonic() < deadline:
        if _followed_texts() != followed:
            return True
        time.sleep(POLL_S)
    return False


def _refresh(configurations: Sequence[Configuration], wanted: Wanted | None) -> list[str]:
    """Load the rules with the addresses of this moment; return the hosts of the first, and an update's, without any."""
    known = _known_addresses()
    services = _look_up_services(configurations)
    updates = {wanted.host} if wanted else set()
    found, missing = _resolve({host for each in configurations for host in _hosts(each, services)} | updates)
    found |= services
    addresses = {**{host: known[host] for host in missing if host in known}, **found}
    if addresses != known:
        ADDRESSES.write_text(json.dumps(addresses), encoding="utf-8")
    _load(ruleset(configurations, addresses, wanted))
    # The sample that an installer brings names servers that are nowhere; it does not count once a bundle has come.
    return sorted(set(missing) & ({host for each in configurations[:1] for host in _hosts(each, services)} | updates))


def ruleset(
    configurations: Sequence[Configuration], addresses: Mapping[str, Iterable[str]], wanted: Wanted | None
) -> str:
    """Return the rules and the elements of every set, as nft reads them."""
    elements: dict[str, set[str]] = {} if configurations else {"searching": {"wecall-fetch", "wecall-lan"}}

    def add(name: str, address: str, *rest: str) -> None:
        network = ipaddress.ip_network(address.strip("[]"), strict=False)
        value = str(network.network_address) if network.num_addresses == 1 else str(network)
        elements.setdefault(f"{name}{network.version}", set()).add(" . ".join((value, *rest)))

    for address in _resolvers():
        add("resolvers", address)
        add("refused", address)
    for network in _more_media():
        add("media", network)
    for name, network in _named(configurations):
        add(name, network)
    for configuration in configurations:
        for name, address, *rest in _servers(configuration, addresses):
            add(name, address, *rest)
        for name, ports in _own_ports(configuration.sip).items():
            elements.setdefault(name, set()).update(ports)
    for address, *rest in _paging(configurations):
        add("paging", address, *rest)
        elements.setdefault("guarded", set()).add(rest[-1])
    for address, port in _update_addresses(wanted, addresses):
        add("updates", address, port)
    rules = RULES.read_text(encoding="utf-8")
    return rules + "".join(
        f"add element inet wecall {name} {{ {', '.join(sorted(values))} }}\n"
        for name, values in sorted(elements.items())
        if values
    )


def _resolvers() -> Iterator[str]:
    for line in _lines(RESOLVERS):
        keyword, _, address = line.partition(" ")
        if keyword == "nameserver":
            yield address.strip().partition("%")[0]


def _servers(configuration: Configuration, addresses: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
    """Yield what a configuration's servers are elements of, each as a set's name, an address and what stands beside."""
    for address, port, protocol in _sip_addresses(configuration, addresses):
        yield "sip", address, protocol, port
        yield "media", address
        yield from (("near", network) for network in _network_of(address))
    if configuration.sync is not None:
        for address in addresses.get(configuration.sync.host, ()):
            yield "broker", address, str(configuration.sync.port)
            yield "refused", address


def _named(configurations: Sequence[Configuration]) -> Iterator[tuple[str, str]]:
    """Yield whom calls may name and come from, by the configuration that is tried or in force: set and network."""
    for sip, nat in ((configuration.sip, configuration.nat) for configuration in configurations[:1]):
        described = nat.media == "described"
        networks = (*nat.media_networks, *sip.trusted_networks)
        yield from (("near" if described else "media", network) for network in networks)
        yield from (("callers", network) for network in sip.trusted_networks)
        yield from (("refused", network) for network in (*nat.media_refused, *(() if described else EVERYWHERE)))


def _paging(configurations: Sequence[Configuration]) -> Iterator[tuple[str, str, str]]:
    """Yield who speaks to which group at which port, by the configuration that is tried or in force."""
    for configuration in configurations[:1]:
        yield from ((page.source, page.group, str(page.port)) for page in configuration.paging)


def _network_of(address: str) -> Iterator[str]:
    """Yield the network that a server with a private address is in, none for a public one.

    Whom its calls name is near it: in the network that both have, or in one of the usual length.
    """
    server = ipaddress.ip_address(address)
    if server.is_private and not (server.is_loopback or server.is_link_local):
        usual = ipaddress.ip_network(f"{address}/{USUAL_LENGTHS[server.version]}", strict=False)
        yield str(next((network for network in _own_networks() if server in network), usual))


def _own_networks() -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Yield the networks that this machine reaches without a router, as the kernel lists its routes."""
    for line in _lines(IPV4_ROUTES)[1:]:
        _, first, gateway, _, _, _, _, mask, *_ = line.split()
        if int(gateway, 16) == 0 and int(mask, 16) != 0:
            # In the order of bytes of the machine, which is that of the network turned round.
            start, length = bytes.fromhex(first)[::-1], int(mask, 16).bit_count()
            yield ipaddress.ip_network((start, length), strict=False)
    for line in _lines(IPV6_ROUTES):
        first, bits, _, _, gateway, *_ = line.split()
        if int(gateway, 16) == 0 and int(bits, 16) != 0:
            yield ipaddress.ip_network((bytes.fromhex(first), int(bits, 16)), strict=False)


def _own_ports(sip: Sip) -> dict[str, set[str]]:
    """Return the ports that voice listens on, by the sets that they belong to."""
    listens = {str(sip.local_port), str(sip.local_port + 1)} if sip.local_port else set()
    audio = {f"{sip.rtp_port}-{min(sip.rtp_port + sip.rtp_ports + 1, 65535)}"}
    return {"sip_listens": listens, "audio": audio, "guarded": audio | listens}


def _configurations() -> list[Configuration]:
    """Return those that the handset may run with: what is tried, what is in force, and what was written by hand."""
    try:
        record = read_record(APPLIED)
    except RecordError as error:
        print(error, file=sys.stderr)  # noqa: T201 (the journal)
        verified = []
    else:
        verified = [one.configuration for one in (record.pending, record.active) if one is not None]
    written = _parsed(_text(CONFIGURATION)) or _parsed(_text_of_the_handsets(LAST_GOOD))
    return [one for one in (*map(_parsed, verified), written) if one is not None]


def _wanted() -> Wanted | None:
    """Return the update that root wants fetched; seldom is there one."""
    try:
        return read_wanted(WANTED)
    except WantedError:
        return None


def _parsed(text: str) -> Configuration | None:
    try:
        return parse_configuration(text)
    except ProvisioningError:
        return None


def _hosts(configuration: Configuration, services: Mapping[str, Iterable[str]]) -> set[str]:
    hosts = {host for host, _, _ in _sip_places(configuration, services)}
    return hosts | ({configuration.sync.host} if configuration.sync else set())


def _sip_places(configuration: Configuration, known: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str, str]]:
    """Yield host, port and protocol of every server that the SIP stack may talk to."""
    for account in configuration.accounts:
        protocol = "udp" if account.transport is Transport.UDP else "tcp"
        services = [place.partition(" ") for place in known.get(_service(account), ()) if account.uses_srv]
        if services:
            yield from ((host, port, protocol) for host, _, port in services)
        else:
            yield from ((host, str(port), protocol) for host, port in account.addresses)
    for server in (*configuration.nat.stun_servers, configuration.nat.turn_server):
        if server:
            host, number = split_port(server, STUN_PORT)
            yield host, str(number), "tcp"


def _sip_addresses(configuration: Configuration, known: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str, str]]:
    for host, port, protocol in _sip_places(configuration, known):
        yield from ((address, port, protocol) for address in known.get(host, ()))


def _update_addresses(wanted: Wanted | None, known: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    if wanted is not None:
        yield from ((address, str(wanted.port)) for address in known.get(wanted.host, ()))


def _service(account: Account) -> str:
    return f"{SERVICE_LABELS[account.transport]}.{account.domain}"


def _look_up_services(configurations: Iterable[Configuration]) -> Addresses:
    """Return the places, each as "host port", that SRV records name for each account that asks for them."""
    found: Addresses = {}
    for account in (account for configuration in configurations for account in configuration.accounts):
        if not account.uses_srv:
            continue
        # Few configurations need it.
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            answer = dns.resolver.resolve(_service(account), "SRV", lifetime=SRV_TIMEOUT_S, search=False)
        except dns.exception.DNSException:
            continue
        records = (record.to_text().split() for record in answer)
        found[_service(account)] = sorted(f"{host.rstrip('.')} {port}" for _, _, port, host in records)
    return found


def _resolve(hosts: Iterable[str]) -> tuple[Addresses, list[str]]:
    found: Addresses = {}
    missing = []
    for host in hosts:
        try:
            answers = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
        except OSError:
            missing.append(host)
        else:
            found[host] = sorted({str(answer[4][0]).partition("%")[0] for answer in answers})
    return found, missing


def _known_addresses() -> Addresses:
    try:
        known: Addresses = json.loads(ADDRESSES.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known


def _more_media() -> list[str]:
    networks = []
    for line in _lines(MORE_MEDIA):
        try:
            networks.append(str(ipaddress.ip_network(line, strict=False)))
        except ValueError:
            print(f"A line of {MORE_MEDIA} is no network such as 192.0.2.0/24; ignored.", file=sys.stderr)  # noqa: T201 (the journal)
    return networks


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in _text(path).splitlines() if line.strip() and not line.startswith(("#", ";"))]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _text_of_the_handsets(path: Path) -> str:
    """Read a file that whoever has broken into the handset may have put anything in the place of."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(MOST_BYTES).decode() if stat.S_ISREG(os.fstat(descriptor).st_mode) else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _load(rules: str) -> None:
    try:
        _nft(rules)
    except subprocess.CalledProcessError:
        # Sets of another version stand there; running calls name theirs again in a moment.
        _nft(f"table inet wecall {{}}\ndelete table inet wecall\n{rules}")


def _nft(rules: str) -> None:
    subprocess.run(["/usr/sbin/nft", "-f", "-"], input=rules, text=True, check=True)


if __name__ == "__main__":
    sys.exit(main())
