import subprocess
import sys
from pathlib import Path

import pytest

from firmware.config import LAST_GOOD_NAME, load

GOOD = """
[device]
id = "desk-1"
[[accounts]]
username = "alice"
domain = "sip.example"
password = "secret-word"
"""
BAD = GOOD + '\n[sound]\nrate_hz = 44100\nvolum = 3\n[sip]\ncodecs = ["mp3"]\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_a_good_configuration_is_used_and_kept_as_the_last_good_one(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD)
    loaded = load(path, tmp_path)
    assert loaded.configuration is not None
    assert loaded.configuration.device.id == "desk-1"
    assert loaded.mistakes == ()
    copy = tmp_path / LAST_GOOD_NAME
    assert copy.read_text() == GOOD
    assert copy.stat().st_mode & 0o777 == 0o600


def test_all_mistakes_are_listed_at_once_with_their_place_and_the_last_good_configuration_runs_on(
    path: Path, tmp_path: Path
) -> None:
    path.write_text(GOOD)
    load(path, tmp_path)
    path.write_text(BAD)
    loaded = load(path, tmp_path)
    assert loaded.from_last_good
    assert loaded.configuration is not None
    assert len(loaded.mistakes) == 3
    for place in ("sound.rate_hz: ", "sound.volum: ", "sip.codecs[1]: "):
        assert any(mistake.startswith(place) for mistake in loaded.mistakes)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"[device", BAD.encode()])
def test_without_any_good_configuration_the_handset_is_unprovisioned_and_says_why(
    path: Path, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        path.write_bytes(content)
    loaded = load(path, tmp_path)
    assert loaded.configuration is None
    assert loaded.mistakes
    assert all(mistake.endswith(".") for mistake in loaded.mistakes)


def test_no_mistake_repeats_a_secret(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD.replace('"secret-word"', '["secret-word"]').replace("sip.example", "sip example/secret-word"))
    assert not any("secret-word" in mistake for mistake in load(path, tmp_path).mistakes)


def test_a_state_folder_that_cannot_be_written_does_not_disable_a_good_configuration(
    path: Path, tmp_path: Path
) -> None:
    path.write_text(GOOD)
    assert load(path, tmp_path / "missing").configuration is not None


def test_what_finds_mistakes_and_their_places_is_loaded_only_where_there_are_any(path: Path, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from firmware.config import load\n"
        f"load(Path({str(path)!r}), Path({str(tmp_path)!r}))\n"
        "print([name for name in ('tree_sitter', 'provisioning.examination', 'difflib') if name in sys.modules])\n"
    )
    for text, loaded in ((GOOD, []), (BAD, ["tree_sitter", "provisioning.examination", "difflib"])):
        path.write_text(text)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(loaded)
