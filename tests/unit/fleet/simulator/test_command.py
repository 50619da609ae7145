from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware.installer.cli import fleet


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--certificates", "{folder}", "--broker", "localhost"), "write --broker HOST:PORT"),
        ((), "name an --authority"),
        (("--certificates", "{folder}"), "200 of 200 handsets have no certificate"),
        (("--authority", "{folder}"), "There is no authority"),
        (("--certificates", "{folder}", "--fleet", "Our/Fleet"), "no fleet"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_started(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    given = [argument.format(folder=tmp_path) for argument in arguments]
    result = CliRunner().invoke(fleet, ["simulate", *given])
    assert result.exit_code == 1
    assert words in " ".join(result.output.split())
