import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from firmware.base.errors import StorageError
from firmware.store import journal as journal_module
from firmware.store.errors import StoreFullError
from firmware.store.journal import Entry, Journal, seal

KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
ADDRESS = KEY.public_key().public_bytes_raw()


async def drained(journal: Journal) -> list[Entry]:
    taken: list[Entry] = []

    async def take(entries: Sequence[Entry]) -> None:
        taken.extend(entries)

    await journal.drain(KEY, take)
    return taken


async def test_entries_come_back_in_their_order_also_in_another_process_and_once_only(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for number in range(3):
        assert await Journal(path, ADDRESS).append({"number": number})
    assert await drained(Journal(path, None)) == [{"number": number} for number in range(3)]
    assert await drained(Journal(path, None)) == []
    assert not path.exists()


async def test_nobody_reads_them_without_the_key(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path, ADDRESS)
    await journal.append({"number": "+861012345678"})
    assert b"+861012345678" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert journal.read(X25519PrivateKey.generate()) == []


async def test_an_open_store_takes_everything_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", ADDRESS)
    await drained(journal)
    assert not await journal.append({"number": 1})
    assert not (tmp_path / "journal").exists()


async def test_what_cannot_be_taken_stays(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", ADDRESS)
    await journal.append({"number": 1})

    async def fail(_entries: Sequence[Entry]) -> None:
        raise StorageError("The disk is full.")

    with pytest.raises(StorageError):
        await journal.drain(KEY, fail)
    assert await journal.append({"number": 2})
    assert [entry["number"] for entry in await drained(journal)] == [1, 2]


async def test_a_torn_or_forged_line_takes_no_other_along(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal"
    journal = Journal(path, ADDRESS)
    await journal.append({"number": 1})
    with path.open("ab") as file:
        file.write(b"\n" + seal({"number": 2}, ADDRESS)[:-7])
    await journal.append({"number": 3})
    with path.open("ab") as file:
        file.write(b"\n\xff\xff\n" + seal({"number": 4}, X25519PrivateKey.generate().public_key().public_bytes_raw()))
    assert [entry["number"] for entry in await drained(journal)] == [1, 3]
    assert "damaged" in caplog.text


async def test_an_entry_that_is_nested_too_deep_takes_no_other_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal"
    with monkeypatch.context() as patch:
        patch.setattr(json, "dumps", lambda _entry: "[" * 100_000)
        path.write_bytes(seal({}, ADDRESS))
    journal = Journal(path, ADDRESS)
    await journal.append({"number": 1})
    assert await drained(journal) == [{"number": 1}]
    assert "1 of 2" in caplog.text


async def test_it_never_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_MAX_BYTES", 1000)
    journal = Journal(tmp_path / "journal", ADDRESS)

    async def keep_many() -> None:
        for number in range(20):
            await journal.append({"number": number})

    with pytest.raises(StoreFullError):
        await keep_many()
    assert (tmp_path / "journal").stat().st_size <= 1000
    assert len(await drained(journal)) > 2
