import pytest

from firmware.base.data_size import size_words


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (98_304, "98.3 kB"), (1_000_000, "1.0 MB"), (73_400_000, "73.4 MB")],
)
def test_a_size_is_said_in_thousands(size_bytes: int, words: str) -> None:
    assert size_words(size_bytes) == words
