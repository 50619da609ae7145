"""What the firewall's program, which has root, makes of the handset's one file that it reads, and of an update."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from tests.lab.root_machine import configuration

SCRIPT = Path(__file__).parents[2] / "systemd" / "firewall.py"


@pytest.fixture
def firewall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the program, on a machine where nobody wrote a configuration and no bundle came."""
    spec = importlib.util.spec_from_file_location("firewall_of_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CONFIGURATION", tmp_path / "config.toml")
    monkeypatch.setattr(module, "APPLIED", tmp_path)
    monkeypatch.setattr(module, "LAST_GOOD", tmp_path / "last-good.toml")
    monkeypatch.setattr(module, "WANTED", tmp_path / "wanted.json")
    monkeypatch.setattr(module, "RULES", SCRIPT.with_name("wecall.nft"))
    monkeypatch.setattr(module, "MORE_MEDIA", tmp_path / "media-networks")
    monkeypatch.setattr(module, "RESOLVERS", tmp_path / "resolv.conf")
    return module


def named(firewall: ModuleType) -> list[str]:
    return [account.domain for each in firewall._configurations() for account in each.accounts]


def test_the_last_good_copy_counts_where_the_written_configuration_has_mistakes(firewall: ModuleType) -> None:
    firewall.LAST_GOOD.write_bytes(configuration())
    firewall.CONFIGURATION.write_bytes(b"not a configuration")
    assert named(firewall) == ["sip.example.org"]
    firewall.CONFIGURATION.write_bytes(configuration().replace(b"sip.example.org", b"sip.example.net"))
    assert named(firewall) == ["sip.example.net"]


def test_a_pipe_in_its_place_keeps_no_rules_from_being_loaded(firewall: ModuleType) -> None:
    os.mkfifo(firewall.LAST_GOOD)
    assert named(firewall) == []


def test_a_link_in_its_place_is_not_followed(firewall: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(configuration())
    firewall.LAST_GOOD.symlink_to(tmp_path / "elsewhere")
    assert named(firewall) == []


@pytest.mark.parametrize(
    "content",
    [b"a = " + b"[" * 200_000, b"a = " + b"1" * 9999, b"\xff", b"a = 1\n" * 40_000],
    ids=["deep", "long number", "no text", "many mistakes"],
)
def test_no_text_in_it_keeps_rules_from_being_loaded(firewall: ModuleType, content: bytes) -> None:
    firewall.LAST_GOOD.write_bytes(content)
    assert named(firewall) == []


def test_no_more_of_it_is_read_than_a_configuration_has(firewall: ModuleType) -> None:
    with firewall.LAST_GOOD.open("wb") as file:
        file.write(configuration())
        file.truncate(1 << 40)
    assert named(firewall) == []


def elements(firewall: ModuleType, addresses: dict[str, list[str]]) -> list[str]:
    lines: list[str] = firewall.ruleset([], addresses, firewall._wanted()).splitlines()
    return [line for line in lines if line.startswith("add element inet wecall updates")]


def test_an_updates_server_is_let_through_while_root_wants_it_and_at_its_port_alone(firewall: ModuleType) -> None:
    addresses = {"updates.example.org": ["192.0.2.7", "2001:db8::7"], "elsewhere.example.org": ["192.0.2.8"]}
    assert elements(firewall, addresses) == []
    firewall.WANTED.write_text(
        '{"address": "https://updates.example.org:8443/a.raucb", "size_bytes": 9, "bandwidth_kbit": 4000}'
    )
    assert elements(firewall, addresses) == [
        "add element inet wecall updates4 { 192.0.2.7 . 8443 }",
        "add element inet wecall updates6 { 2001:db8::7 . 8443 }",
    ]
    firewall.WANTED.unlink()
    assert elements(firewall, addresses) == []


def test_an_updates_server_without_an_address_is_asked_for_again(
    firewall: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(firewall, "ADDRESSES", tmp_path / "addresses.json")
    monkeypatch.setattr(firewall, "_load", lambda _rules: None)
    firewall.WANTED.write_text('{"address": "https://updates.invalid/a", "size_bytes": 9, "bandwidth_kbit": 4000}')
    assert firewall._refresh([], firewall._wanted()) == ["updates.invalid"]
    assert firewall._refresh([], None) == []


@pytest.mark.parametrize("content", ["", "{}", '{"address": "https://me@updates.example.org/"}'])
def test_what_cannot_be_fetched_keeps_no_rules_from_being_loaded(firewall: ModuleType, content: str) -> None:
    firewall.WANTED.write_text(content)
    assert elements(firewall, {"updates.example.org": ["192.0.2.7"]}) == []


def test_who_looks_for_a_first_bundle_is_let_out_until_any_configuration_counts(firewall: ModuleType) -> None:
    lets_out = "add element inet wecall searching { wecall-fetch, wecall-lan }"
    assert lets_out in firewall.ruleset(firewall._configurations(), {}, None).splitlines()
    firewall.CONFIGURATION.write_bytes(configuration())
    assert lets_out not in firewall.ruleset(firewall._configurations(), {}, None).splitlines()


def test_a_paging_group_is_let_in_from_its_source_at_its_port_by_the_configuration_that_is_tried(
    firewall: ModuleType,
) -> None:
    page = b'[[paging]]\nname = "Hall"\ngroup = "239.1.1.1"\nport = 5004\nsource = "192.0.2.1"\n'
    firewall.CONFIGURATION.write_bytes(configuration() + page)
    firewall.LAST_GOOD.write_bytes(configuration() + page.replace(b"5004", b"5006"))
    lines = firewall.ruleset(firewall._configurations(), {}, None).splitlines()
    assert [line for line in lines if " paging" in line and line.startswith("add")] == [
        "add element inet wecall paging4 { 192.0.2.1 . 239.1.1.1 . 5004 }"
    ]
    (guarded,) = (line for line in lines if line.startswith("add element inet wecall guarded"))
    assert "5004" in guarded
    assert "5006" not in guarded
