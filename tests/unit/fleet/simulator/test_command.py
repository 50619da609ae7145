from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware.installer.cli import fleet
from fleet.errors import FleetError
from fleet.simulator.certificates import DeviceCertificates, device_names
from fleet.simulator.settings import Share
from provisioning.authority import Authority


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


def test_what_is_to_be_broken_is_broken_in_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DeviceCertificates(tmp_path).make(
        device_names("sim", 1, 40), Authority.found("Trial", days=30, now=datetime.now(UTC)), lambda: None
    )
    started: list[Share] = []

    def processes(shares: Sequence[Share]) -> None:
        started.extend(shares)
        raise FleetError("enough")

    monkeypatch.setattr("fleet.simulator.command.Processes", processes)
    options = ("--devices", "40", "--processes", "2", "--certificates", f"{tmp_path}")
    CliRunner().invoke(
        fleet, ["simulate", *options, "--broken", "place", "--broken", "handset", "--broken", "registrar"]
    )
    for share in started:
        place, handset, registrar = share.troubles
        assert place.devices == {"sim-00001", "sim-00002"}
        assert handset.devices == {"sim-00040"}
        assert len(registrar.devices) == 40
        assert registrar.ends_s - registrar.begins_s == 600
    assert len(started) == 2
