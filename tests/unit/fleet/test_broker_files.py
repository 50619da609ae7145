"""What the broker's files must say whatever else they say; what it does is asked of a real one elsewhere."""

import re
from pathlib import Path
from typing import Final

from contract.downlink import MAX_NETWORK_BUNDLE_BYTES
from firmware.sync.broker import MAX_PACKET_BYTES
from fleet.access_list import AccessList

FOLDER: Final = Path(__file__).parents[3] / "fleet" / "broker"
CONFIGURATION: Final = [
    line for line in (FOLDER / "mosquitto.conf").read_text().splitlines() if line and not line.startswith("#")
]
LIST: Final = (FOLDER / "acl").read_text()


def listeners() -> list[list[str]]:
    """Return the lines of each listener; those of the whole broker are behind the last one."""
    found: list[list[str]] = []
    for line in CONFIGURATION:
        if line.startswith("listener "):
            found.append([])
        if found:
            found[-1].append(line)
    return found


def number(option: str) -> int:
    (value,) = (line.split()[1] for line in CONFIGURATION if line.startswith(f"{option} "))
    return int(value)


def test_nobody_comes_in_unknown_and_all_listeners_have_the_same_rules() -> None:
    assert "allow_anonymous false" in CONFIGURATION
    assert "per_listener_settings false" in CONFIGURATION
    assert CONFIGURATION.index("per_listener_settings false") == 0
    assert not any(line.startswith("plugin") for line in CONFIGURATION)


def test_every_listener_is_encrypted_and_takes_the_user_for_the_client() -> None:
    assert len(listeners()) == 2
    for lines in listeners():
        assert {"tls_version tlsv1.2", "use_username_as_clientid true"} <= set(lines)
        assert {line.split()[0] for line in lines} >= {"certfile", "keyfile"}
    assert {"require_certificate true", "use_identity_as_username true"} <= set(listeners()[0])
    assert {line.split()[0] for line in listeners()[0]} >= {"cafile", "crlfile"}


def test_the_firewall_guards_the_port_where_passwords_are_taken() -> None:
    (port,) = [lines[0].split()[1] for lines in listeners() if "require_certificate true" not in lines]
    assert f"tcp dport {port} ct state new jump tries" in (FOLDER / "guesses.nft").read_text()


def test_no_limit_is_left_out_or_is_none() -> None:
    assert number("max_queued_messages") > 0
    assert number("max_queued_bytes") >= 100 * MAX_NETWORK_BUNDLE_BYTES
    assert number("max_packet_size") >= MAX_PACKET_BYTES
    assert number("max_inflight_messages") > 0
    assert number("max_connections") > 0


def test_the_log_names_no_holders_network_address() -> None:
    assert "connection_messages false" in CONFIGURATION
    assert {line for line in CONFIGURATION if line.startswith("log_type")} == {
        "log_type error", "log_type warning", "log_type notice",
    }  # fmt: skip


def test_nothing_is_given_to_those_without_a_name_and_every_line_says_what_it_gives() -> None:
    before_the_first_user = LIST.partition("\nuser ")[0]
    assert not re.search(r"^topic", before_the_first_user, flags=re.MULTILINE)
    lines = [line for line in LIST.splitlines() if line.startswith(("topic", "pattern"))]
    assert all(line.split()[1] in {"read", "write", "readwrite", "deny"} for line in lines)


def test_a_handset_speaks_in_one_fleet_below_its_own_name_as_a_block_of_its_own_would_have_it() -> None:
    patterns = [line.removeprefix("pattern ") for line in LIST.splitlines() if line.startswith("pattern")]
    block = AccessList((), {"desk-1": "default"}).text().partition("user desk-1\n")[2].splitlines()
    assert sorted(f"topic {line.replace('%u', 'desk-1')}" for line in patterns) == sorted(block)


def test_every_service_has_a_dot_and_is_denied_what_handsets_have() -> None:
    blocks = re.findall(r"^user ((?!canary-)\S+)\n((?:topic .*\n)+)", LIST, flags=re.MULTILINE)
    assert len(blocks) == 4
    for name, rules in blocks:
        assert "." in name
        assert f"topic deny wecall/v1/+/{name}/#\n" in rules
        assert f"topic deny homeassistant/device/{name}/#\n" in rules
