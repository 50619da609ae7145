import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.phone.events import Key
from firmware.phone.text_entry import _LETTERS, MAX_BYTES, MAX_CHARACTERS, TextEntry


def write(keys: str, entry: TextEntry | None = None) -> TextEntry:
    """Press keys; a dot stands for the pause that settles a letter."""
    entry = entry or TextEntry()
    for key in keys:
        if key == ".":
            entry.settle()
        else:
            entry.press(Key(key))
    return entry


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("2", "a"),
        ("22", "b"),
        ("222", "c"),
        ("2222", "2"),
        ("22222", "ä"),
        ("2.2", "aa"),
        ("23", "ad"),
        ("4433555.555666", "hello"),
        ("*4433555.555666", "HELLO"),
        ("*44*33555.555666", "Hello"),
        ("2#3", "a d"),
        ("1", "."),
        ("0", "0"),
        ("7777", "s"),
        ("777777", "ß"),
        ("*777777", "ß"),
        ("*22222", "Ä"),
        ("2" * 13, "a"),
    ],
)
def test_pressing_a_digit_again_and_again_walks_through_its_letters(keys: str, text: str) -> None:
    assert write(keys).text == text


def test_holding_a_digit_writes_the_digit_itself() -> None:
    entry = write("2")
    entry.write_digit(Key.DIGIT_2)
    assert write("2", entry).text == "2a"


def test_holding_a_digit_whose_letter_has_settled_changes_nothing() -> None:
    entry = write("2.")
    entry.write_digit(Key.DIGIT_2)
    assert entry.text == "a"


def test_deleting_takes_the_last_letter_and_begins_a_new_one() -> None:
    entry = write("23")
    entry.delete_last()
    assert entry.text == "a"
    assert write("2", entry).text == "aa"
    for _ in range(3):
        entry.delete_last()
    assert entry.text == ""


def test_a_text_has_an_end() -> None:
    entry = write("2." * (MAX_CHARACTERS + 5))
    assert entry.text == "a" * MAX_CHARACTERS
    assert write("#3", entry).text == "a" * MAX_CHARACTERS


@given(st.text("0123456789*#.", max_size=1500))
def test_a_text_fits_a_message_and_has_no_control_characters_whatever_is_pressed(keys: str) -> None:
    text = write(keys).text
    assert len(text) <= MAX_CHARACTERS
    assert len(text.encode()) <= MAX_BYTES
    assert text.isprintable()


@pytest.mark.parametrize("key", [Key.DIGIT_2, Key.DIGIT_0, Key.DIGIT_8])
def test_the_last_letter_that_fits_still_walks_through_those_that_do(key: Key) -> None:
    entry = TextEntry("ä" * (MAX_BYTES // 2 - 1) + "x")
    seen = set()
    for _ in range(30):
        entry.press(key)
        seen.add(entry.text[-1])
        assert len(entry.text.encode()) == MAX_BYTES
    assert seen == {letter for letter in _LETTERS[key] if len(letter.encode()) == 1}
