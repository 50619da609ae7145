"""Pages in four rows of twenty characters."""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

import pytest
from RPLCD.codecs import hd44780_a02

from firmware.display.families.character import COLUMNS, CharacterRenderer
from firmware.display.families.rom import GLYPHS, SIGNS, encode, readable
from firmware.display.model import (
    Block,
    Card,
    Code,
    Entry,
    Flow,
    Icon,
    Importance,
    List,
    ListRow,
    Page,
    Role,
    StatusBar,
)

STATUS = StatusBar(((Icon.REGISTERED, 0), (Icon.MISSED, 2)), "12:34")


def rows(page: Page) -> list[str]:
    shown = CharacterRenderer().rows(page)
    assert all(len(row) == COLUMNS for row in shown)
    return [row.rstrip() for row in shown]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Anna Müller", "Anna Müller"),
        ("Łukasz Dvořák", "Lukasz Dvorák"),
        ("王小明", "Wang xiao ming"),
        ("未接来电：2", "Wei jie lai dian: 2"),
        ("女", "Nü"),
        ("会议改到三点。On my way", "Hui yi gai dao san dian. On my way"),
        ("Анна", "Anna"),
        ("“ja” – nein", '"ja" - nein'),
        ("\u202eanna\u0301", "anná"),
        ("😀", ":grinning:"),
    ],
)
def test_every_text_becomes_something_readable(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_letters_have_the_codes_of_the_controllers_table() -> None:
    for letter, code in hd44780_a02.encoding_table.items():
        if readable(letter) == letter and letter.isprintable() and letter != " ":
            assert encode(letter) == bytes([code]), letter


def test_there_is_a_glyph_for_every_code_of_our_own() -> None:
    assert len(GLYPHS) <= 8
    assert all(len(glyph) == 8 and all(0 <= row < 32 for row in glyph) for glyph in GLYPHS)
    assert set(SIGNS) == set(Icon)
    assert all(ord(letter) >= 32 or ord(letter) < len(GLYPHS) for sign in SIGNS.values() for letter in sign)


def test_an_ellipsis_is_one_of_them() -> None:
    assert encode("…") == b"\x07"


def test_the_first_row_is_the_status_bar_and_the_last_one_the_keys() -> None:
    page = Page(STATUS, (Block("Anna Schmidt", Role.NAME),), cancel="Decline", ok="Answer")
    assert rows(page) == ["\x00 \x052           12:34", "    Anna Schmidt", "", "[Decline]   [Answer]"]


def test_what_is_urgent_is_between_stars() -> None:
    page = Page(STATUS, (Block("Incoming call", Role.HEADLINE), Block("Anna", Role.NAME)), is_urgent=True)
    assert rows(page)[1] == "** Incoming call ***"


def test_the_title_takes_the_place_of_the_signs_where_rows_are_few() -> None:
    needed = Importance.NEEDED
    body = (Block("Anna", Role.NAME, importance=needed), Block("2345", Role.DIGITS, importance=needed))
    assert rows(Page(STATUS, body, title="Calling", cancel="End")) == [
        "Calling        12:34",
        "        Anna",
        "        2345",
        "[End]",
    ]
    muted = StatusBar(((Icon.REGISTERED, 0), (Icon.MUTED, 0)), "1:05")
    assert rows(Page(muted, body, title="Talking", cancel="End"))[0] == "\x03Talking        1:05"


def test_a_list_marks_the_selected_row_and_says_which_it_is() -> None:
    body = List(tuple(ListRow(f"Row {n}", "off", n) for n in range(1, 8)), selected=3, total=7)
    assert rows(Page(STATUS, body, title="Menu", cancel="Back", ok="OK")) == [
        "Menu             4/7",
        ">4 Row 4         off",
        " 5 Row 5         off",
        "[Back]          [OK]",
    ]


def test_a_list_with_nothing_selected_says_which_rows_are_seen() -> None:
    page = Page(
        title="Your age", body=List(tuple(map(ListRow, ("Under 14", "14 to 17", "18 or older")))), cancel="Back"
    )
    assert rows(page)[0] == "Your age       1-2/3"


def test_the_time_goes_where_a_title_would_be_cut_for_it() -> None:
    assert rows(Page(STATUS, Entry(""), "Forget all calls"))[0] == "Forget all calls"
    assert rows(Page(STATUS, Entry(""), "Forget calls"))[0] == "Forget calls   12:34"


def test_a_card_says_which_of_its_pages_it_shows() -> None:
    facts = Card((ListRow("Mobile", "13912345678"), ListRow("Home", "+44 20 7946 0000"), ListRow("A sentence.")), 1)
    assert rows(Page(STATUS, facts, title="Anna", cancel="Back")) == [
        "Anna             2/3",
        "Home",
        "+44 20 7946 0000",
        "[Back]",
    ]


def test_a_long_entry_shows_its_end_and_a_cursor() -> None:
    body = Entry("I am on my way and shall be there ", "abc", ("the", "she", "tie"), 1)
    assert rows(Page(STATUS, body, title="Text", cancel="Delete", ok="Send")) == [
        "Text             abc",
        "…nd shall be there _",
        " the [she] tie",
        "[Delete]      [Send]",
    ]


def test_candidates_that_sound_alike_are_told_by_their_number() -> None:
    body = Entry("王小", "拼", ("明", "名", "鸣"), 2)
    assert rows(Page(STATUS, body, title="姓名"))[2] == "[Ming] 3/3"


def test_a_code_is_shown_as_what_it_says() -> None:
    page = Page(STATUS, Code("https://phone.example/i/7f3a9c"), title="Invite", cancel="Back")
    assert rows(page) == ["Invite         12:34", "https://phone.exampl", "e/i/7f3a9c", "[Back]"]


def test_a_bar_is_a_row_of_signs_and_a_number() -> None:
    page = Page(STATUS, (Block("Volume"),), bar_percent=70)
    assert rows(page)[3] == "[#########    ]  70%"


def test_a_paragraph_wraps_where_there_is_room() -> None:
    page = Page(STATUS, (Block("Cannot call. Use another phone.", flow=Flow.WRAP),))
    assert rows(page)[1:] == ["  Cannot call. Use", "   another phone.", ""]


def question(text: str, scroll: int | None = 0, status: StatusBar = STATUS) -> Page:
    block = Block(text, flow=Flow.WRAP, importance=Importance.NEEDED, rows=9)
    return Page(status, (block,), "Delete", cancel="No", ok="Delete", scroll=scroll)


def test_a_sentence_that_is_too_long_for_the_rows_below_the_title_takes_that_one_too() -> None:
    assert rows(question("Anna Schmidt is deleted with all numbers. Sure?")) == [
        "  Anna Schmidt is",
        "  deleted with all",
        "   numbers. Sure?",
        "[No]        [Delete]",
    ]


def test_a_longer_sentence_is_shown_in_parts_that_follow_each_other_in_a_circle() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    parts = [rows(question(text, scroll)) for scroll in range(4)]
    assert [part[0] for part in parts] == [f"Delete           {place}/3" for place in (1, 2, 3, 1)]
    words = [" ".join(line.strip() for line in part[1:3]).strip() for part in parts]
    assert " ".join(words[:3]) == text
    assert words[3] == words[0]
    assert rows(question(text, -1)) == parts[2]


def test_a_sentence_that_nobody_can_turn_over_is_cut() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    assert rows(question(text, None))[2].endswith("…")


def test_the_sign_of_the_microphone_stays_whatever_is_asked() -> None:
    recorded = StatusBar(((Icon.MICROPHONE, 0),), "12:34")
    assert rows(question("Anna Schmidt is deleted with all numbers. Sure?", status=recorded))[0].startswith(
        SIGNS[Icon.MICROPHONE]
    )
