"""The dashboards that ship have a word for every code that handsets send, in both languages."""

from tools.home_assistant.dashboards import FOLDER, dashboards


def test_the_dashboards_have_the_words_that_the_page_has_for_the_codes_of_now() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == dashboards(), (
        "run make reference"
    )
