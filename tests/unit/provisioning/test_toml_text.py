import pytest

from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.remarks import Place
from provisioning.toml_text import read_toml


def test_what_is_toml_is_read_as_it_is() -> None:
    read = read_toml("[sip]\nlocal_port = 1\n")
    assert (read.values, read.mistakes, read.whole) == ({"sip": {"local_port": 1}}, (), True)


@pytest.mark.parametrize(
    ("line", "words", "column"),
    [
        ("host = sip.example", "this is no value", 8),
        ('host = "sip.example', "the text in this line has no closing quote", 20),
        ("host sip", "a setting is written with an equals sign", 6),
        ("host: sip", "a setting is written with an equals sign", 5),
        ('host = "a" b', "something stands behind the value", 12),
        ('host = "a\\d"', "a backslash in a text is written twice", 12),
        ("port = 1\nport = 2", "this is set here for the second time", 9),
        ("yes = True", "this is no value", 7),
    ],
)
def test_a_line_with_a_mistake_is_told_and_the_rest_is_read(line: str, words: str, column: int) -> None:
    read = read_toml(f"before = 1\n{line}\nafter = 2\n")
    (remark,) = read.mistakes
    assert remark.text.startswith(words)
    assert remark.place == Place(2 + line.count("\n"), column)
    assert read.values.items() >= {"before": 1, "after": 2}.items()
    assert read.lost == {line.splitlines()[-1].partition(" ")[0].strip(":")}
    assert read.whole


def test_every_line_with_a_mistake_is_told() -> None:
    read = read_toml("a = x\nb = 1\nc = y\n")
    assert [remark.place for remark in read.mistakes] == [Place(1, 5), Place(3, 5)]
    assert read.values == {"b": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = [1, 2\nb = 3\n", "a list before this place is not closed"),
        ("a = [\n  x,\n]\n", "this is no value"),
        ("a = { b = 1\nc = 2\n", "a table before this place is not closed"),
        ("[sip\na = 1\n", "the name of a table stands in brackets"),
        ("[[accounts]\na = 1\n", "this name stands in double brackets"),
        ("[sip]\n[sip]\n", "this table stands here for the second time"),
        ('a = """\nb = 1\n', "a text before this place has no closing quote"),
    ],
)
def test_what_is_open_at_the_end_of_a_line_ends_the_reading(text: str, words: str) -> None:
    read = read_toml(text)
    (remark,) = read.mistakes
    assert remark.text.startswith(words)
    assert remark.place is not None
    assert not read.whole


def test_mistakes_without_end_are_told_up_to_a_number() -> None:
    read = read_toml("a = x\n" * 1000)
    assert len(read.mistakes) == 50
    assert not read.whole


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 20_000,
        "a = " + "{ b = " * 20_000,
        "a" + ".a" * 100_000 + " = 1",
        '"a"' + '."a"' * 50_000 + " = 1",
        "[a" + ".a" * 100_000 + "]",
        "a = { b" + ".a" * 100_000 + " = 1 }",
    ],
)
def test_what_is_nested_without_end_is_a_mistake_that_is_found_at_once(text: str) -> None:
    with pytest.raises(ProvisioningError) as caught:
        parse_configuration(f"version = 1\n{text}\n")
    assert any("too deeply" in mistake or "not closed" in mistake for mistake in caught.value.mistakes)


def test_a_long_list_of_names_with_dots_is_none_of_that() -> None:
    names = ", ".join(f'"user.{number}@host.example"' for number in range(400))
    assert len(read_toml(f"allow = [{names}]").values["allow"]) == 400


def test_a_number_of_thousands_of_digits_is_a_mistake_in_its_line_like_any_other() -> None:
    read = read_toml(f"before = 1\nport = {'1' * 5000}\nafter = 2\n")
    (remark,) = read.mistakes
    assert remark.text == "this number is too long; no setting needs that"
    assert remark.place == Place(2, 1)
    assert (read.values, read.whole) == ({"before": 1, "after": 2}, True)
    for digits in ("1" * 5000, "1_1" * 3000, "-" + "9" * 5000):
        with pytest.raises(ProvisioningError):
            parse_configuration(f"[sip]\nlocal_port = {digits}\n")
