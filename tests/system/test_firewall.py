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
    finally:
        box.configure(before)
        box.shell(f"[ ! -e {last_good}.of-test ] || mv {last_good}.of-test {last_good}")
        load_rules(box)
    assert outside.reachable_by("wecall-lan", hops=1) == set()


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


def test_only_its_servers_are_heard_at_voices_ports(outside: Outside) -> None:
    box = outside.box
    box.run("systemctl", "stop", "wecall-voice.service")
    box.run("install", "-m", "0644", "/dev/stdin", "/opt/listener.py", stdin=LISTENER)
    box.run("install", "-m", "0644", "/dev/stdin", "/opt/talker.py", stdin=TALKER)
    box.run("systemd-run", "--quiet", "--unit=listener", VENV_PYTHON, "-I", "/opt/listener.py")
    try:
        wait_until(lambda: "listening" in box.journal("listener"), "the listener listens")
        for source in (STRANGER, REGISTRAR):
            box.run("ip", "netns", "exec", "outside", VENV_PYTHON, "-I", "/opt/talker.py", source, INSIDE)
        # Another user of this machine.
        box.run(
            "setpriv", "--reuid=nobody", "--clear-groups", VENV_PYTHON, "-I", "/opt/talker.py", "127.0.0.1", "127.0.0.1"
        )
        wait_until(lambda: box.journal("listener").count("30000 hears") == 3, "a port of nobody's hears everybody")
        heard = {tuple(line.split()[-3:][::2]) for line in box.journal("listener").splitlines() if " hears " in line}
        assert {each for each in heard if each[0] != "30000"} == {
            (port, REGISTRAR) for port in ("5060", "16384", "16784")
        }
    finally:
        box.run("systemctl", "stop", "listener")
        box.run("systemctl", "start", "wecall-voice.service")


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
