"""What the kernel says of sound devices, without opening any."""

from pathlib import Path

import pytest

from drivers import alsa
from drivers.errors import DeviceError
from drivers.sound import AlsaSoundCard


@pytest.fixture(autouse=True)
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A card that plays, and one that plays and records, as /proc/asound has them."""
    for card, name, pcms in ((0, "bcm", ("pcm0p",)), (1, "USB", ("pcm0p", "pcm0c"))):
        for pcm in pcms:
            (tmp_path / f"card{card}" / pcm).mkdir(parents=True)
        (tmp_path / name).symlink_to(f"card{card}")
    monkeypatch.setattr(alsa, "_CARDS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "is_missing"),
    [
        ("hw:1", False),
        ("hw:USB", False),
        ("plughw:CARD=USB,DEV=0", False),
        ("plughw:1,0", False),
        ("hw:0", True),
        ("hw:CARD=bcm", True),
        ("plughw:CARD=Gone,DEV=0", True),
        ("hw:2,0", True),
        # No card by its name: these are taken to be there.
        ("default", False),
        ("mic_monitor", False),
        ("dsnoop:CARD=Gone", False),
        ("", False),
    ],
)
def test_a_microphone_is_missing_where_the_card_that_its_name_names_has_none(name: str, is_missing: bool) -> None:
    assert alsa.is_missing(name, "capture") is is_missing


def test_an_earpiece_is_looked_for_among_what_plays() -> None:
    assert not alsa.is_missing("hw:0", "playback")
    assert alsa.is_missing("hw:2", "playback")


def test_a_card_that_was_unplugged_is_said_to_be_so_and_how_to_name_another() -> None:
    AlsaSoundCard(capture="plughw:CARD=USB").look_for_capture()
    with pytest.raises(DeviceError, match=r"not plugged in.*arecord -L"):
        AlsaSoundCard(capture="plughw:CARD=Gone").look_for_capture()


def test_what_is_there_is_another_once_something_is_unplugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alsa, "_DEVICES", tmp_path)
    before = alsa.devices()
    (tmp_path / "USB").unlink()
    assert before - alsa.devices() == {"USB"}
    monkeypatch.setattr(alsa, "_DEVICES", tmp_path / "none")
    assert alsa.devices() == frozenset()
