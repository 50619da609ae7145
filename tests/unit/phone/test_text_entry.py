import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.base.pinyin.table import pinyin
from firmware.phone.key import Key
from firmware.phone.preferences import Preferences
from firmware.phone.text_entry import (
    _LETTERS,
    MAX_BYTES,
    MAX_CHARACTERS,
    MAX_WRITTEN,
    Composition,
    TextEntry,
    Writing,
    WritingMode,
    compose,
    no_chinese,
    with_chosen,
)
from tests.lab.measured import RecordProperty, assert_within


def write(keys: str, entry: TextEntry | None = None) -> TextEntry:
    """Press keys; a dot stands for the pause that settles a letter."""
    entry = entry or TextEntry()
    for key in keys:
        if key == ".":
            entry.settle()
        else:
            entry.press(Key(key))
    return entry


def state_of(entry: TextEntry) -> tuple[str, str, Composition | None]:
    return entry.text, entry.shown, entry.composition


def test_pressing_a_digit_again_and_again_walks_through_its_letters(subtests: pytest.Subtests) -> None:
    for keys, text in [
        ("2", "a"),
        ("22", "b"),
        ("222", "c"),
        ("2222", "2"),
        ("22222", "ä"),
        ("2.2", "aa"),
        ("23", "ad"),
        ("4433555.555666", "hello"),
        ("*4433555.555666", "HELLO"),
        ("*44**33555.555666", "Hello"),
        ("**2#3", "2 3"),
        ("2#3", "a d"),
        ("1", "."),
        ("0", "0"),
        ("7777", "s"),
        ("777777", "ß"),
        ("*777777", "ß"),
        ("*22222", "Ä"),
        ("2" * 13, "a"),
    ]:
        with subtests.test(keys=keys, text=text):
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


# --- capitals by themselves ---


def begun(writing: Writing, language: str = "en", text: str = "") -> TextEntry:
    return TextEntry.of_kind(writing, text, language=language, chinese=pinyin)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("62777999", "Mary"),
        ("2.66#555", "An L"),
        ("22222", "Ä"),
        ("*2", "a"),
        ("**2.2", "AA"),
        ("2****2", "Aa"),
    ],
)
def test_each_word_of_a_name_begins_with_a_capital(keys: str, text: str) -> None:
    entry = TextEntry.of_kind(Writing.NAME, language="en", chinese=no_chinese)
    assert write(keys, entry).text == text


@pytest.mark.parametrize(
    ("keys", "text"), [("44.4441#2299933", "Hi. Bye"), ("2#2", "A a"), ("2.1.2", "A.a"), ("#2", " A"), ("2.2", "Aa")]
)
def test_each_sentence_of_a_message_begins_with_a_capital(keys: str, text: str) -> None:
    assert write(keys, begun(Writing.SENTENCES)).text == text


def test_what_is_written_is_gone_on_with_as_it_stands() -> None:
    assert write("2", begun(Writing.NAME, text="Mary")).text == "Marya"
    assert write("2", begun(Writing.NAME, text="Mary ")).text == "Mary A"


# --- Chinese ---

CHINESE = "***"


def chinese(keys: str = "") -> TextEntry:
    return write(keys, write(CHINESE, TextEntry(chinese=pinyin)))


def test_star_goes_through_all_that_digits_can_write() -> None:
    entry = TextEntry(chinese=pinyin)
    modes = []
    for _ in range(5):
        modes.append(entry.mode.value)
        entry.press(Key.STAR)
    assert modes == ["abc", "ABC", "123", "拼", "abc"]
    entry = begun(Writing.NAME)
    modes = []
    for _ in range(6):
        modes.append(entry.mode.value)
        entry.press(Key.STAR)
    assert modes == ["Abc", "abc", "ABC", "123", "拼", "Abc"]


def test_a_handset_without_pinyin_does_not_offer_it() -> None:
    assert write("***").mode is WritingMode.SMALL


def test_whoever_reads_chinese_begins_in_it_where_the_handset_knows_it() -> None:
    assert begun(Writing.SENTENCES, "zh").mode is WritingMode.PINYIN
    without = TextEntry.of_kind(Writing.SENTENCES, language="zh", chinese=no_chinese)
    assert without.mode is WritingMode.BEGINS_LARGE


@pytest.mark.parametrize(("language", "before"), [("en", "****"), ("zh", "")])
def test_a_name_has_the_surname_first_and_then_the_given_name(language: str, before: str) -> None:
    entry = begun(Writing.NAME, language)
    for keys in (before + "94264", "934"):
        write(keys, entry)
        assert entry.choose()
    assert entry.text == "张伟"


def test_the_syllables_that_keys_may_mean_are_in_one_order_of_frequency() -> None:
    found = compose("94", pinyin())
    assert found is not None
    ranked = [pinyin().rank.get(character, 10_000) for character in found.candidates[:9]]
    assert found.character == "一"
    assert ranked == sorted(ranked)


@pytest.mark.parametrize(
    ("text", "language", "keys", "most"),
    [
        ("Mary", "en", "62777999", 8),
        ("张伟", "zh", "94264o934o", 18),
        ("张伟", "en", "****94264o934o", 18),
        ("張偉", "zh", "94264o934o", 18),
    ],
)
def test_a_name_takes_few_keys(text: str, language: str, keys: str, most: int) -> None:
    preferences = Preferences(traditional=text == "張偉")
    entry = TextEntry.of_kind(Writing.NAME, language=language, chinese=pinyin, preferences=preferences)
    for key in keys:
        assert entry.choose() if key == "o" else write(key, entry)
    assert entry.text == text
    assert len(keys) <= most


def test_traditional_characters_come_in_the_order_of_what_they_stand_for() -> None:
    simplified, traditional = compose("33", pinyin()), compose("33", pinyin(), traditional=True)
    assert simplified is not None
    assert traditional is not None
    assert "发" not in (compose("32", pinyin(), traditional=True) or traditional).candidates
    assert (compose("32", pinyin(), traditional=True) or traditional).character == "大"
    expected = [pinyin().traditional.get(each, each)[0] for each in simplified.candidates[:9]]
    assert [each for each in traditional.candidates if each in expected] == expected


def test_what_was_written_by_the_same_keys_comes_first_in_names_too() -> None:
    entry = TextEntry.of_kind(
        Writing.NAME, language="zh", chinese=pinyin, preferences=Preferences(written=(("94264", "章"),))
    )
    write("94264", entry)
    assert entry.composition is not None
    assert entry.composition.candidates[:2] == ("章", "张")
    assert len(set(entry.composition.candidates)) == len(entry.composition.candidates)


def written(before: tuple[tuple[str, str], ...], text: str, *chosen: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return with_chosen(before, TextEntry(text, chosen=list(chosen)))


def test_of_each_syllable_the_latest_characters_are_remembered() -> None:
    once = written((), "张三", ("94264", "张"), ("726", "三"))
    assert once == (("94264", "张"), ("726", "三"))
    assert written(once, "章", ("94264", "章")) == (("726", "三"), ("94264", "章张"))
    many = written((("94264", "长章丈帐"),), "张", ("94264", "张"))
    assert many == (("94264", "张长章丈"),)


def test_what_was_deleted_again_is_not_remembered() -> None:
    assert written((), "三", ("94264", "张"), ("726", "三")) == (("726", "三"),)


def test_no_more_syllables_are_remembered_than_there_is_room_for() -> None:
    before = tuple((str(number), "张") for number in range(MAX_WRITTEN))
    after = written(before, "三", ("726", "三"))
    assert len(after) == MAX_WRITTEN
    assert after[-1] == ("726", "三")
    assert before[0] not in after


def test_held_volume_keys_turn_over_the_groups_of_candidates_and_their_ends_meet() -> None:
    entry = chinese("94")
    assert entry.composition is not None
    first, count = entry.composition.shown, len(entry.composition.candidates)
    entry.move(1)
    entry.turn(1)
    assert entry.composition.chosen == 9
    assert not set(entry.composition.shown) & set(first)
    entry.turn(-1)
    assert entry.composition.chosen == 0
    entry.turn(-1)
    assert entry.composition.chosen == (count - 1) // 9 * 9
    entry.turn(1)
    assert entry.composition.chosen == 0
    assert not write("2").turn(1)


def test_a_syllable_is_spelled_and_its_most_frequent_character_written() -> None:
    entry = chinese("96")
    assert entry.composition is not None
    assert (entry.composition.letters, entry.composition.character) == ("wo", "我")
    assert (entry.text, entry.shown) == ("", "wo")
    assert entry.choose()
    assert state_of(entry) == ("我", "我", None)
    assert not entry.choose()


def test_volume_keys_move_through_the_candidates_and_their_ends_meet() -> None:
    entry = chinese("9264")
    assert entry.composition is not None
    candidates = entry.composition.candidates
    assert "王" in candidates
    while entry.composition.character != "王":
        assert entry.move(1)
    assert "王" in entry.composition.shown
    assert len(entry.composition.shown) <= 9
    entry.choose()
    assert entry.text == "王"
    assert not entry.move(1)
    entry = chinese("9264")
    entry.move(-1)
    assert entry.composition is not None
    assert entry.composition.character == candidates[-1]


def test_a_key_that_no_syllable_goes_on_with_begins_the_next_one() -> None:
    entry = chinese("6496")
    assert len(entry.text) == 1
    assert entry.composition is not None
    assert entry.composition.keys == "96"
    entry.choose()
    assert entry.text[1:] == "我"


def test_holding_a_digit_chooses_the_candidate_at_that_place() -> None:
    entry = chinese("94")
    assert entry.composition is not None
    third = entry.composition.shown[2]
    # The key goes down before it is held.
    entry.press(Key.DIGIT_3)
    entry.write_digit(Key.DIGIT_3)
    assert state_of(entry) == (third, third, None)


def test_a_held_digit_that_no_syllable_goes_on_with_chooses_all_the_same() -> None:
    entry = chinese("96")
    assert entry.composition is not None
    third = entry.composition.shown[2]
    entry.press(Key.DIGIT_3)
    assert entry.text == "我"
    entry.write_digit(Key.DIGIT_3)
    assert state_of(entry) == (third, third, None)


def test_deleting_takes_the_keys_of_a_syllable_one_by_one_and_then_characters() -> None:
    entry = chinese("96")
    entry.choose()
    write("94", entry)
    assert entry.delete_last()
    assert entry.composition is not None
    assert entry.composition.keys == "9"
    assert entry.delete_last()
    assert state_of(entry) == ("我", "我", None)
    assert entry.delete_last()
    assert not entry.delete_last()


def test_star_and_hash_write_what_is_being_spelled() -> None:
    assert chinese("96#").text == "我"
    assert chinese("96##").text == "我 "
    assert chinese("96*2").text == "我a"


def test_chinese_has_its_own_punctuation() -> None:
    assert chinese("961.11").text == "我\uff0c\u3002"


@given(st.text("0123456789*#.", max_size=300), st.integers(1, 60))
def test_a_text_has_room_whatever_is_pressed(keys: str, room: int) -> None:
    entry = write(keys, TextEntry(chinese=pinyin, max_characters=room, max_bytes=3 * room))
    entry.choose()
    assert len(entry.text) <= room


def test_every_key_is_answered_in_five_milliseconds(record_property: RecordProperty) -> None:
    entry = chinese()
    began = time.thread_time()
    for key in "942649426494264":
        entry.press(Key(key))
    assert_within(record_property, "keys_cpu", time.thread_time() - began, 15 * 0.005)
