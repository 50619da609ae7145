from provisioning.docstrings import told


class Documented:
    """What it is.

    And more.

    Attributes:
        first, second: both of
            them.
        third: another.

    What is left.
    """


class Silent:
    pass


def test_a_docstring_is_taken_apart_into_the_whole_and_each_attribute() -> None:
    said = told(Documented)
    assert [paragraph.strip() for paragraph in said.meaning.split("\n\n")] == [
        "What it is.",
        "And more.",
        "What is left.",
    ]
    assert said.attributes == {
        "first": (("first", "second"), "both of them"),
        "second": (("first", "second"), "both of them"),
        "third": (("third",), "another"),
    }


def test_a_class_without_one_says_nothing() -> None:
    assert not told(Silent).attributes
