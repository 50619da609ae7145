"""systemd/machine.sh: what is overwritten before it is removed, and who has to be told before."""

import subprocess
from pathlib import Path

import pytest

from firmware.services.account.last_word import LAST_WORD_NAME, LastWord
from firmware.services.account.tombstone import TOMBSTONE_NAME
from firmware.store.keyring import OLD_WRAP_NAME, WRAP_NAME
from provisioning.broker import Sync

ROOT = Path(__file__).parents[2]
SECRETS = (
    "etc/wecall/credentials/store-key",
    "etc/wecall/credentials/sip-password",
    *(
        f"var/lib/wecall/{name}"
        for name in (
            "store.key", WRAP_NAME, OLD_WRAP_NAME, f".{WRAP_NAME}.new", TOMBSTONE_NAME, LAST_WORD_NAME, "store.db",
            "store.db-wal",
        )
    ),
)  # fmt: skip


def run(root: Path, function: str) -> subprocess.CompletedProcess[str]:
    """Run a function of the file on a root."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'. "$0"; {function} "$1"', ROOT / "systemd/machine.sh", root],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "speaker": "test"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for folder in ("etc/wecall/credentials", "var/lib/wecall"):
        (root / folder).mkdir(parents=True)
    return root


def last_word(*epochs: int) -> bytes:
    sync = Sync(host="broker.example.org")
    return LastWord(device="handset-7", fleet="lab", sync=sync, epochs=epochs).model_dump_json().encode()


def test_a_purge_overwrites_keys_and_store_where_they_lie(root: Path, tmp_path: Path) -> None:
    for number, name in enumerate(SECRETS):
        (root / name).write_bytes(b"somebody's")
        # Another name for the same bytes on the disk.
        (tmp_path / f"same-{number}").hardlink_to(root / name)
    (root / "var/lib/wecall/configuration.last-good.toml").write_bytes(b"stays until rm")
    done = run(root, "shred_stored")
    assert (done.returncode, done.stdout) == (0, "")
    assert [name for name in SECRETS if (root / name).exists()] == []
    assert [path.name for path in tmp_path.glob("same-*") if b"somebody's" in path.read_bytes()] == []
    assert (root / "var/lib/wecall/configuration.last-good.toml").exists()


def test_a_purge_overwrites_nothing_that_a_link_leads_to(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"somebody else's")
    (root / "var/lib/wecall/store.key").symlink_to(tmp_path / "elsewhere")
    assert run(root, "shred_stored").returncode == 0
    assert (tmp_path / "elsewhere").read_bytes() == b"somebody else's"


def test_where_nothing_is_stored_there_is_nothing_to_overwrite(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere", "shred_stored").returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "untold"),
    [
        ("store.db", b"", False),
        (LAST_WORD_NAME, last_word(), False),
        (LAST_WORD_NAME, last_word(7), True),
        (TOMBSTONE_NAME, b"{}", True),
        (LAST_WORD_NAME, b"unreadable", True),
    ],
)
def test_who_purges_hears_where_recipients_have_not_been_told(
    root: Path, name: str, content: bytes, untold: bool
) -> None:
    (root / "var/lib/wecall" / name).write_bytes(content)
    assert (run(root, "has_untold_recipients").returncode == 0) is untold


def test_a_purge_overwrites_before_it_removes() -> None:
    text = (ROOT / "systemd/machine.sh").read_text(encoding="utf-8")
    purge = text.partition("\npurge() {")[2]
    assert 0 < purge.index("shred_stored ''") < purge.index("rm -rf")
