import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from firmware.app import boot
from firmware.app.boot import Options, start_early, use_zone
from firmware.voice import channel
from firmware.voice.messages import Configure, Hello, decode_order, encode
from firmware.voice.settings import VoiceSettings, unpack
from tests.lab.patience import PATIENCE_S

CONFIGURATION = """
[device]
id = "desk-1"
country = "DE"
[[accounts]]
username = "alice"
domain = "sip.example"
"""

MIDSUMMER_S = 1_782_000_000


class TellingVoice:
    """A voice that runs already, as the handset begins: it hears its settings."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / channel.SOCKET_NAME
        self._heard: VoiceSettings | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (connection := channel.connect(self._path)) is None:
            pass
        with closing(connection):
            channel.send(connection, encode(Hello(channel.PROGRAM, "")))
            data, file = channel.receive(connection)
            assert decode_order(data) == Configure()
            assert file is not None
            with os.fdopen(file, "rb") as settings:
                self._heard = unpack(settings.read())

    @property
    def heard(self) -> VoiceSettings:
        self._thread.join(PATIENCE_S)
        assert self._heard is not None
        return self._heard


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    monkeypatch.setattr(boot, "_PATIENCE_S", PATIENCE_S)
    return Options(tmp_path / "config.toml", tmp_path / "state", tmp_path / "run")


def test_without_a_configuration_voice_has_no_line_and_the_rest_can_start(options: Options) -> None:
    voice = TellingVoice(options.runtime_dir)
    early = start_early(options)
    assert early.loaded.mistakes
    assert voice.heard.sip is None


def test_a_voice_that_runs_hears_what_to_register_before_the_rest_is_loaded(options: Options) -> None:
    options.configuration.write_text(CONFIGURATION)
    voice = TellingVoice(options.runtime_dir)
    start_early(options)
    assert voice.heard.country == "DE"
    assert voice.heard.sip is not None
    assert [account.username for account in voice.heard.sip.accounts] == ["alice"]


def test_a_handset_without_voice_goes_on_and_can_be_found(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot, "_PATIENCE_S", 0.01)
    start_early(options)
    status = (options.runtime_dir / channel.SOCKET_NAME).stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o660


def test_what_is_loaded_before_voice_has_its_settings_is_only_what_they_take() -> None:
    late = (
        "PIL", "numpy", "sqlcipher3", "alsaaudio", "pjsua2", "firmware.store", "firmware.display",
        "firmware.app.handset", "firmware.voice.sip.engine", "firmware.voice.audio.loop", "firmware.voice.instruments",
    )  # fmt: skip
    program = f"import sys, firmware.cli, firmware.app.boot; print([name for name in {late!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.fixture(autouse=True)
def own_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC0")
    monkeypatch.delenv("WECALL_SETS_TZ", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    os.environ.pop("WECALL_SETS_TZ", None)
    time.tzset()


def hours_ahead() -> float:
    return time.localtime(MIDSUMMER_S).tm_gmtoff / 3600


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Shanghai", 8), ("Europe/Berlin", 2), ("Asia/Kolkata", 5.5)])
def test_the_time_of_day_is_that_of_the_zone(zone: str, hours: float) -> None:
    use_zone(zone)
    assert hours_ahead() == hours


def test_without_a_zone_the_machines_own_holds() -> None:
    use_zone(None)
    assert hours_ahead() == 0


def test_a_process_that_starts_anew_without_a_zone_does_not_keep_that_of_before() -> None:
    use_zone("Asia/Shanghai")
    use_zone(None)
    assert "TZ" not in os.environ
