"""The nftables rules by user, between real processes and real servers at the other end of a cable."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provisioning.parsing import parse_configuration
from tests.lab.installed_box import (
    BROKER,
    INSIDE,
    REGISTRAR,
    RESOLVER,
    STRANGER,
    VENV_PYTHON,
    InstalledBox,
    wait_until,
)
from tests.lab.root_asker import IN_TIME, RootAsker
from tests.lab.root_machine import OPERATOR, trust

FIREWALL = "wecall-firewall.service"
WANTED = "/run/wecall-update/wanted.json"

# The service, which ends as soon as it has asked for the names.
AT_ONCE = (
    'import sys; sys.path.insert(0, "/opt/wecall/lib"); import firewall; '
    "firewall.BLIND_S = 0; sys.exit(firewall.main())"
)

# Answers on every address of the far side, TCP by a greeting and UDP by an echo.
SERVERS = """
import selectors, socket, sys
selector = selectors.DefaultSelector()
for port in (53, 1883, 5060, 8883, 20000):
    tcp = socket.create_server(("", port))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # Answers must come from the address that was asked.
    udp.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    udp.bind(("", port))
    for each in (tcp, udp):
        selector.register(each, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in selector.select():
        if key.fileobj.type == socket.SOCK_STREAM:
            key.fileobj.accept()[0].close()
        else:
            data, ancillary, _, peer = key.fileobj.recvmsg(100, 100)
            if data.startswith(b"REGISTER "):
                print("asked to register", flush=True)
                continue
            source = ancillary[0][2][4:8]
            key.fileobj.sendmsg([data], [(socket.IPPROTO_IP, 8, bytes(4) + source + bytes(4))], 0, peer)
"""

# Tries each target given as JSON and prints whether it answered.
CLIENT = """
import json, socket, sys
answered, hops = [], int(sys.argv[2])
for protocol, address, port in json.loads(sys.argv[1]):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    client.settimeout(10)
    client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
    try:
        client.connect((address, port))
        if protocol == "udp":
            client.send(b"x")
            client.recv(1)
    except TimeoutError:
        raise
    except OSError:
        pass
    else:
        answered.append((protocol, address, port))
print(json.dumps(answered))
"""

TARGETS = {
    (protocol, address, port)
    for protocol in ("tcp", "udp")
    for address in (BROKER, REGISTRAR, STRANGER, RESOLVER)
    for port in (53, 1883, 5060, 8883, 20000)
}
RESOLVING = {("tcp", RESOLVER, 53), ("udp", RESOLVER, 53)}


@dataclass(frozen=True)
class Outside:
    """The servers outside, as seen by users of the box."""

    box: InstalledBox

    def reachable_by(self, user: str, *, hops: int = 64) -> set[tuple[str, str, int]]:
        done = self.box.run(
            "setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups",
            VENV_PYTHON, "-I", "-c", CLIENT, json.dumps(sorted(TARGETS)), str(hops),
        )  # fmt: skip
        return {(protocol, address, port) for protocol, address, port in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def outside(box: InstalledBox) -> Iterator[Outside]:
    box.run("install", "-m", "0644", "/dev/stdin", "/opt/servers.py", stdin=SERVERS)
    box.run(
        "systemd-run", "--quiet", "--unit=outside-servers", "--property=NetworkNamespacePath=/run/netns/outside",
        VENV_PYTHON, "-I", "/opt/servers.py",
    )  # fmt: skip
    wait_until(lambda: "listening" in box.journal("outside-servers"), "the servers listen")
    yield Outside(box)
    box.run("systemctl", "stop", "outside-servers")


def begin_to_load_rules(box: InstalledBox) -> None:
    """Have the service started anew; while it runs nothing changes for which the path unit may be blind."""
    box.drop_in(FIREWALL, f"[Service]\nExecStart=\nExecStart={VENV_PYTHON} -I -c '{AT_ONCE}'\n")
    box.run("systemctl", "restart", FIREWALL)


def load_rules(box: InstalledBox) -> None:
    """Have the rules loaded as it is now."""
    begin_to_load_rules(box)
    wait_until(lambda: box.property_of(FIREWALL, "ActiveState") == "inactive", "the rules are loaded")
    box.remove_drop_in(FIREWALL)


def test_everybody_else_reaches_every_server(outside: Outside) -> None:
    assert outside.reachable_by("nobody") == TARGETS


def test_sync_reaches_the_brokers_port_and_name_servers_only(outside: Outside) -> None:
    assert outside.reachable_by("wecall-sync") == {("tcp", BROKER, 8883)} | RESOLVING


def test_voice_reaches_its_registrar_audio_and_name_servers_only(outside: Outside) -> None:
    audio = {("udp", REGISTRAR, port) for port in (1883, 5060, 8883, 20000)}
    assert outside.reachable_by("wecall-voice") == audio | RESOLVING


def test_the_fetcher_reaches_name_servers_only_and_an_updates_server_while_root_wants_it(outside: Outside) -> None:
    box = outside.box
    assert outside.reachable_by("wecall-fetch") == RESOLVING
    box.run("systemctl", "start", "wecall-firewall.path")
    wanted = {"address": f"https://{STRANGER}:8883/a.raucb", "size_bytes": 9, "bandwidth_kbit": 4000}
    try:
        box.run("install", "-D", "-m", "0644", "/dev/stdin", WANTED, stdin=json.dumps(wanted))
        wait_until(
            lambda: f"{STRANGER} . 8883" in box.run("nft", "list", "table", "inet", "wecall").stdout, "rules follow"
        )
        assert outside.reachable_by("wecall-fetch") == {("tcp", STRANGER, 8883)} | RESOLVING
    finally:
        box.run("rm", "-f", WANTED)
        box.run("systemctl", "stop", "wecall-firewall.path")
        load_rules(box)
    assert outside.reachable_by("wecall-fetch") == RESOLVING


def test_who_looks_for_a_bundle_reaches_the_own_network_and_nobody_once_a_configuration_counts(
    outside: Outside,
) -> None:
    box = outside.box
    assert outside.reachable_by("wecall-lan", hops=1) == set()
    before = box.run("cat", "/etc/wecall/config.toml").stdout
    last_good = "/var/lib/wecall/configuration.last-good.toml"
    try:
        box.shell(f"rm /etc/wecall/config.toml; [ ! -e {last_good} ] || mv {last_good} {last_good}.of-test")
        load_rules(box)
        assert outside.reachable_by("wecall-lan", hops=1) == {target for target in TARGETS if target[0] == "tcp"}
        # A router would send it on.
        assert outside.reachable_by("wecall-lan", hops=2) == set()
        # An address that somebody confirms may be anywhere, at a port of HTTPS or at none that is known.
        named = {target for target in TARGETS if target[0] == "tcp" and target[2] > 1023}
        assert outside.reachable_by("wecall-fetch") == named | RESOLVING
    finally:
        box.configure(before)
        box.shell(f"[ ! -e {last_good}.of-test ] || mv {last_good}.of-test {last_good}")
        load_rules(box)
    assert outside.reachable_by("wecall-lan", hops=1) == set()


# Hears what a DHCP server answers, in the place of the network's manager and in that of who looks for bundles.
DHCP_EARS = """
import selectors, socket
selector = selectors.DefaultSelector()
for port in (68, 7468):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", port))
    selector.register(udp, selectors.EVENT_READ, port)
print("listening", flush=True)
while True:
    for key, _ in selector.select():
        print(key.data, "hears", key.fileobj.recv(100)[4:8].decode(), flush=True)
"""
DHCP_SERVER = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", 67))
for name in (b"WeCl", b"mine"):
    udp.sendto(bytes(4) + name + bytes(232), (sys.argv[1], 68))
"""


def test_what_dhcp_answers_to_who_looks_for_bundles_goes_there_and_all_else_to_the_networks_manager(
    outside: Outside,
) -> None:
    box = outside.box
    load_rules(box)
    box.run("install", "-m", "0644", "/dev/stdin", "/opt/ears.py", stdin=DHCP_EARS)
    box.run("systemd-run", "--quiet", "--unit=dhcp-ears", VENV_PYTHON, "-I", "/opt/ears.py")
    try:
        wait_until(lambda: "listening" in box.journal("dhcp-ears"), "the ears listen")
        box.run("ip", "netns", "exec", "outside", VENV_PYTHON, "-I", "-c", DHCP_SERVER, INSIDE)
        wait_until(lambda: box.journal("dhcp-ears").count(" hears ") == 2, "both are heard")
        heard = [line.split()[-3:] for line in box.journal("dhcp-ears").splitlines() if " hears " in line]
        assert sorted(heard) == [["68", "hears", "mine"], ["7468", "hears", "WeCl"]]
    finally:
        box.run("systemctl", "stop", "dhcp-ears")


# Asks the fetcher for something that it has no part in: any status says that it was reached.
ASK_FETCHER = """
import socket
with socket.create_connection(("127.0.0.1", 7421), timeout=10) as asked:
    asked.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
    print(asked.recv(12).decode())
"""


def test_nobody_but_its_own_user_asks_the_fetcher(outside: Outside) -> None:
    box = outside.box
    wanted = {"address": f"https://{STRANGER}:8883/a.raucb", "size_bytes": 9, "bandwidth_kbit": 4000}
    box.run("install", "-D", "-m", "0644", "/dev/stdin", WANTED, stdin=json.dumps(wanted))
    try:
        box.run("systemctl", "start", "wecall-fetch.service")
        for user, answer in (("wecall-fetch", "HTTP/1.1 400\n"), ("nobody", ""), ("wecall-voice", "")):
            done = box.run(
                "setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups",
                VENV_PYTHON, "-I", "-c", ASK_FETCHER, check=False,
            )  # fmt: skip
            assert done.stdout.partition("Traceback")[0] == answer
        assert box.run("cat", "/run/wecall-fetch/news.json").stdout == '{"received_bytes":0,"code":""}'
    finally:
        box.run("systemctl", "stop", "wecall-fetch.service")
        box.run("rm", "-f", WANTED)


def test_the_handset_reaches_nobody_even_without_its_sandbox(outside: Outside) -> None:
    assert outside.reachable_by("wecall") == set()
    (counted,) = re.findall(
        r"chain handset \{\s*counter packets (\d+)", outside.box.run("nft", "list", "table", "inet", "wecall").stdout
    )
    assert int(counted) >= len(TARGETS)


# Listens in voice's place, and tells of what it hears.
LISTENER = """
import selectors, socket
selector = selectors.DefaultSelector()
for port in (5060, 16384, 16784, 30000):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", port))
    selector.register(udp, selectors.EVENT_READ, port)
print("listening", flush=True)
while True:
    for key, _ in selector.select():
        print(key.data, "hears", key.fileobj.recv(100).decode(), flush=True)
"""
TALKER = """
import socket, sys
source, target = sys.argv[1:]
for port in (5060, 16384, 16784, 30000):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((source, 0))
    udp.sendto(source.encode(), (target, port))
"""


# Says whether something could be sent.
SENDER = """
import errno, socket, sys
for address in sys.argv[1:]:
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try:
        client.sendto(b"x", (address, 20000))
        print("sent")
    except OSError as error:
        print(errno.errorcode[error.errno])
"""


def heard_at_voices_ports(box: InstalledBox, *sources: str) -> set[tuple[str, str]]:
    """Have these talk to all ports, and return which of voice's heard whom."""
    unit = f"listener-of-{'-'.join(sources)}"
    box.run("systemctl", "stop", "wecall-voice.service")
    box.run("install", "-m", "0644", "/dev/stdin", "/opt/listener.py", stdin=LISTENER)
    box.run("install", "-m", "0644", "/dev/stdin", "/opt/talker.py", stdin=TALKER)
    box.run("systemd-run", "--quiet", f"--unit={unit}", VENV_PYTHON, "-I", "/opt/listener.py")
    try:
        wait_until(lambda: "listening" in box.journal(unit), "the listener listens")
        for source in sources:
            box.run("ip", "netns", "exec", "outside", VENV_PYTHON, "-I", "/opt/talker.py", source, INSIDE)
        # Another user of this machine.
        box.run(
            "setpriv", "--reuid=nobody", "--clear-groups", VENV_PYTHON, "-I", "/opt/talker.py", "127.0.0.1", "127.0.0.1"
        )
        heard_by_nobody = len(sources) + 1
        wait_until(
            lambda: box.journal(unit).count("30000 hears") == heard_by_nobody, "a port of nobody's hears everybody"
        )
        lines = [line.split()[-3:] for line in box.journal(unit).splitlines() if " hears " in line]
        return {(port, source) for port, _, source in lines if port != "30000"}
    finally:
        box.run("systemctl", "stop", unit)
        box.run("systemctl", "start", "wecall-voice.service")


def test_only_its_servers_are_heard_at_voices_ports(outside: Outside) -> None:
    assert heard_at_voices_ports(outside.box, STRANGER, REGISTRAR) == {
        (port, REGISTRAR) for port in ("5060", "16384", "16784")
    }


# What voice says of its calls.
NAMER = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
    door.connect("/run/wecall-media/media.sock")
    for address in sys.argv[1:]:
        door.send(address.encode())
        print(door.recv(39).decode())
"""


def named(box: InstalledBox, *addresses: str, user: str = "wecall-voice") -> str:
    """Have somebody name addresses, and return the answers."""
    identity = (f"--reuid={user}", "--regid=wecall-voice", "--clear-groups")
    return box.run("setpriv", *identity, VENV_PYTHON, "-I", "-c", NAMER, *addresses, check=False).stdout


def forget_names(box: InstalledBox) -> None:
    for version in "46":
        box.run("nft", "flush", "set", "inet", "wecall", f"described{version}")


def test_audio_goes_to_whom_voice_names_near_its_servers_for_half_a_minute_and_to_nobody_else(outside: Outside) -> None:
    box = outside.box
    usual = {("udp", REGISTRAR, port) for port in (1883, 5060, 8883, 20000)} | RESOLVING
    try:
        assert named(box, BROKER, RESOLVER, "10.77.0.04", "registrar", "fe80::1%lo") == "yes\n" * 2 + "no\n" * 3
        assert outside.reachable_by("wecall-voice") == usual
        assert named(box, STRANGER) == "yes\n"
        elsewhere = usual | {("udp", STRANGER, port) for port in (1883, 5060, 8883, 20000)}
        assert outside.reachable_by("wecall-voice") == elsewhere
        # A call goes on while the rules are loaded anew.
        load_rules(box)
        assert outside.reachable_by("wecall-voice") == elsewhere
        (left_s,) = re.findall(rf"{STRANGER} timeout 30s expires ([0-9]+)s", box.run("nft", "list", "ruleset").stdout)
        assert int(left_s) < 30
        assert "yes" not in named(box, STRANGER, user="nobody")
    finally:
        forget_names(box)
    assert outside.reachable_by("wecall-voice") == usual


def test_a_call_may_name_a_public_address_and_none_that_is_special(outside: Outside) -> None:
    box = outside.box
    public = ("8.8.8.8", "2606:4700::1111")
    # The broker, this machine, everybody, others' private networks, carriers', nobody's; NAT64, and 6to4.
    special = (
        BROKER, INSIDE, "10.77.0.255", "224.0.0.1", "10.78.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1",
        "192.0.2.1", "fd99::1", "64:ff9b::808:808", "2002:808:808::1", "2001:db8::1", "ff0e::1",
    )  # fmt: skip
    voice = ("setpriv", "--reuid=wecall-voice", "--clear-groups", VENV_PYTHON, "-I", "-c")
    device = json.loads(box.run("ip", "-json", "route", "get", REGISTRAR).stdout)[0]["dev"]
    box.shell(f"""
        ip address add fd77::1/64 dev {device} nodad
        ip route add default dev {device}
        ip -6 route add default dev {device}
    """)
    try:
        assert box.run(*voice, SENDER, *public).stdout == "EPERM\n" * 2
        assert named(box, *special) == "yes\n" * len(special)
        assert box.run(*voice, SENDER, *special).stdout == "EPERM\n" * len(special)
        assert named(box, *public) == "yes\n" * 2
        assert box.run(*voice, SENDER, *public).stdout == "sent\n" * 2
    finally:
        box.shell(f"""
            ip route del default
            ip -6 route del default
            ip address del fd77::1/64 dev {device}
        """)
        forget_names(box)


def test_whom_voice_names_is_heard_at_its_ports_for_audio_alone(outside: Outside) -> None:
    box = outside.box
    assert named(box, STRANGER) == "yes\n"
    try:
        assert heard_at_voices_ports(box, STRANGER) == {("16384", STRANGER), ("16784", STRANGER)}
        assert heard_at_voices_ports(box, RESOLVER) == set()
    finally:
        forget_names(box)


def test_an_administrator_has_audio_exchanged_with_the_servers_alone(outside: Outside) -> None:
    box = outside.box
    before = box.run("cat", "/etc/wecall/config.toml").stdout
    assert named(box, STRANGER) == "yes\n"
    try:
        for setting in ('media = "servers"', f'media_refused = ["{STRANGER}/32"]'):
            box.configure(f"{before}\n[nat]\n{setting}\n")
            load_rules(box)
            assert named(box, STRANGER) == "yes\n"
            assert not {target for target in outside.reachable_by("wecall-voice") if target[1] == STRANGER}
    finally:
        box.configure(before)
        load_rules(box)
        forget_names(box)


def test_voice_asks_its_registrar_from_inside_its_sandbox_and_its_rules(outside: Outside) -> None:
    # It ends with the handset that it serves, and would be counted as one that was restarted.
    outside.box.run("systemctl", "stop", "wecall-voice.service")
    outside.box.run("systemctl", "restart", "wecall-handset.service")
    wait_until(lambda: "asked to register" in outside.box.journal("outside-servers"), "voice registers")


def test_rules_follow_the_configuration_and_last_when_it_breaks(outside: Outside) -> None:
    box = outside.box
    before = box.run("cat", "/etc/wecall/config.toml").stdout
    try:
        box.configure(before.replace(f'host = "{BROKER}"', f'host = "{STRANGER}"'))
        load_rules(box)
        assert outside.reachable_by("wecall-sync") == {("tcp", STRANGER, 8883)} | RESOLVING
        # The handset goes on with the last good configuration, and so do the rules.
        box.configure("not a configuration")
        load_rules(box)
        assert outside.reachable_by("wecall-sync") == {("tcp", BROKER, 8883)} | RESOLVING
    finally:
        box.configure(before)
        load_rules(box)


def test_a_change_of_the_configuration_alone_loads_the_rules_again(outside: Outside) -> None:
    box = outside.box
    before = box.run("cat", "/etc/wecall/config.toml").stdout
    try:
        box.run("systemctl", "start", "wecall-firewall.path")
        box.configure(before.replace("port = 8883", "port = 1883"))
        wait_until(
            lambda: f"{BROKER} . 1883" in box.run("nft", "list", "table", "inet", "wecall").stdout, "rules follow"
        )
    finally:
        box.configure(before)
        wait_until(
            lambda: f"{BROKER} . 8883" in box.run("nft", "list", "table", "inet", "wecall").stdout, "rules follow"
        )
        box.run("systemctl", "stop", "wecall-firewall.path")


def test_a_change_that_the_path_unit_is_blind_to_is_followed_too(outside: Outside) -> None:
    box = outside.box
    before = box.run("cat", "/etc/wecall/config.toml").stdout
    box.run("systemctl", "stop", "wecall-firewall.path")
    try:
        box.run("systemctl", "restart", FIREWALL)
        box.configure(before.replace("port = 8883", "port = 1883"))
        wait_until(
            lambda: f"{BROKER} . 1883" in box.run("nft", "list", "table", "inet", "wecall").stdout, "rules follow"
        )
    finally:
        box.configure(before)
        load_rules(box)


def test_a_server_without_an_address_leaves_the_rules_standing_and_is_asked_for_again(outside: Outside) -> None:
    box = outside.box
    before = box.run("cat", "/etc/wecall/config.toml").stdout
    try:
        box.configure(before.replace(f'host = "{BROKER}"', 'host = "broker.invalid"'))
        begin_to_load_rules(box)
        wait_until(lambda: box.property_of(FIREWALL, "SubState") == "auto-restart", "the names are asked for again")
        assert outside.reachable_by("wecall-sync") == RESOLVING
    finally:
        box.configure(before)
        load_rules(box)


def test_the_rules_follow_a_bundle_that_root_has_verified_and_nothing_else_in_the_handsets_hands(
    outside: Outside,
) -> None:
    box = outside.box
    written = box.run("cat", "/etc/wecall/config.toml").stdout
    moved = written.replace(f'host = "{BROKER}"', f'host = "{STRANGER}"') + trust(OPERATOR)
    bundle = OPERATOR.bundle(
        {"config.toml": moved.encode()}, 3, fleet=parse_configuration(moved).device.fleet, **IN_TIME
    )
    asker = RootAsker(box)

    def lets_through(address: str) -> bool:
        return f"{address} . 8883" in box.run("nft", "list", "table", "inet", "wecall").stdout

    try:
        box.run("systemctl", "start", "wecall-firewall.path")
        # A configuration that nobody has signed, in the handset's own folder.
        box.shell(
            f"mkdir -p /var/lib/wecall/provisioning && cat >/var/lib/wecall/provisioning/config.toml <<<'{moved}'"
        )
        assert asker.ask(3, bundle)["outcome"] == "applied"
        wait_until(lambda: lets_through(STRANGER), "the broker of the bundle on trial is let through")
        assert lets_through(BROKER)
        assert asker.say("go_back", 3) == "reverted"
        wait_until(lambda: not lets_through(STRANGER), "it is not any more")
    finally:
        asker.forget()
        box.run("rm", "-rf", "/var/lib/wecall/provisioning/config.toml")
        box.run("systemctl", "stop", "wecall-firewall.path")
        load_rules(box)
