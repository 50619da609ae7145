from provisioning.parsing import parse_configuration
from provisioning.reference import tables, top_settings
from tools.reference.document import EXAMPLE_PATH, PATH, document, example


def test_the_page_of_what_can_be_set_is_that_of_the_schema() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run make reference"


def test_the_example_is_that_of_the_schema_and_sets_a_handset_up() -> None:
    assert EXAMPLE_PATH.read_text(encoding="utf-8") == example(), "run make reference"
    assert parse_configuration(example()).device.id == "handset-1"


def test_every_table_and_every_setting_says_what_it_is() -> None:
    silent = [setting.name for setting in top_settings() if not setting.meaning]
    silent += [
        f"{table.header} {setting.name}" for table in tables() for setting in table.settings if not setting.meaning
    ]
    silent += [table.header for table in tables() if not table.meaning]
    assert silent == []


def test_every_setting_has_a_row() -> None:
    page = document()
    for table in tables():
        part = page.partition(f"## `{table.header}`\n")[2].partition("\n## ")[0]
        for setting in table.settings:
            assert f"| `{setting.name}` |" in part
