"""What root wants fetched, and what it hears."""

import json
from pathlib import Path

import pytest

from firmware.fetch.wanted import FetchCode, News, WantedError, read_wanted, write_news

GOOD = {"address": "https://updates.example.org/a.raucb", "size_bytes": 300, "bandwidth_kbit": 4000}


def wanted(folder: Path, **changed: object) -> Path:
    path = folder / "wanted.json"
    path.write_text(json.dumps(GOOD | changed))
    return path


@pytest.mark.parametrize(
    ("address", "host", "port", "path"),
    [
        ("https://updates.example.org/a.raucb", "updates.example.org", 443, "/a.raucb"),
        ("https://192.0.2.1:8443/", "192.0.2.1", 8443, "/"),
        ("https://[2001:db8::1]:8443/a/b%20c", "2001:db8::1", 8443, "/a/b%20c"),
    ],
)
def test_an_address_is_a_host_a_port_and_a_path(tmp_path: Path, address: str, host: str, port: int, path: str) -> None:
    read = read_wanted(wanted(tmp_path, address=address))
    assert (read.host, read.port, read.path) == (host, port, path)
    assert f"https://{read.authority_part}{read.path}" == address


@pytest.mark.parametrize(
    "address",
    [
        "http://updates.example.org/a", "https://updates.example.org", "https://me@updates.example.org/a",
        "https://updates.example.org/a?phone=7", "https://updates.example.org/a#7", "https://updates..org/a",
        "https://-a.example.org/a", "https://updates.example.org:0/a", "https://updates.example.org:65536/a",
        "https://updates.example.org/a b", "https://updates.example.org/a\r\nX: y", "https://updates.example.org/%zz",
        "https:///a", "https://updates.example.org/a\n", "https://xn--" + "a" * 300 + "/a", "ftp://a/b", "",
        "https://a/" + "a" * 500,
    ],
)  # fmt: skip
def test_no_other_address_is_fetched_from(tmp_path: Path, address: str) -> None:
    with pytest.raises(WantedError):
        read_wanted(wanted(tmp_path, address=address))


@pytest.mark.parametrize(
    "changed", [{"size_bytes": 0}, {"size_bytes": "300"}, {"bandwidth_kbit": 0}, {"serial": "1000"}, {"authority": 5}]
)
def test_nothing_else_can_be_wanted(tmp_path: Path, changed: dict[str, object]) -> None:
    with pytest.raises(WantedError):
        read_wanted(wanted(tmp_path, **changed))


def test_that_nothing_is_wanted_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WantedError, match="wecall-update"):
        read_wanted(tmp_path / "wanted.json")


def test_root_reads_news_whole_without_any_right_to_others_files(tmp_path: Path) -> None:
    path = tmp_path / "news.json"
    for count in (1, 2):
        write_news(path, News(count, FetchCode.STALLED))
        assert json.loads(path.read_text()) == {"received_bytes": count, "code": "stalled"}
        assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["news.json"]
