"""What reads a copy, in the process that can do nothing else."""

import pytest
from pyrage import DecryptError, passphrase

from firmware.services.restore import __main__ as reading
from firmware.services.restore.lines import Failure

BUSY = "Excessive work parameter for passphrase.\nDecryption would take around 64 seconds."


def opening(monkeypatch: pytest.MonkeyPatch, *errors: str) -> None:
    """Have the library refuse to open with these words, one after the other, and then open."""
    said = iter(errors)

    def decrypt(_sealed: bytes, _words: str) -> bytes:
        for words in said:
            raise DecryptError(words)
        return b"the key"

    monkeypatch.setattr(passphrase, "decrypt", decrypt)


def test_a_busy_moment_is_no_wrong_word(monkeypatch: pytest.MonkeyPatch) -> None:
    opening(monkeypatch, BUSY, BUSY)
    assert reading._decrypted(b"", "any words") == b"the key"


def test_a_machine_that_stays_busy_ends_the_reading_and_blames_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    opening(monkeypatch, *[BUSY] * 100)
    with pytest.raises(DecryptError):
        reading._decrypted(b"", "any words")


def test_wrong_words_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opening(monkeypatch, BUSY, "Decryption failed")
    with pytest.raises(reading.CopyError) as caught:
        reading._decrypted(b"", "any words")
    assert caught.value.failure is Failure.WRONG_WORDS
