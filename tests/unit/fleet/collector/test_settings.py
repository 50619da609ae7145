"""How a collector is set up."""

import re
import tomllib
from pathlib import Path

import pytest

from fleet.collector.settings import CollectorSettings, read_settings
from fleet.errors import FleetError

EXAMPLE = (Path(__file__).parents[4] / "fleet/collector/collector.example.toml").read_text()
BROKER = '[broker]\nhost = "broker"\nca = "ca.pem"\ncertificate = "c.pem"\nkey = "/keys/c.key"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "collector.toml"
    path.write_text(text)
    return path


def test_paths_are_seen_from_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, f'{BROKER}[http]\ntoken_file = "tokens"\n'))
    assert settings.broker.ca == tmp_path / "ca.pem"
    assert settings.broker.key == Path("/keys/c.key")
    assert settings.database.url == f"sqlite:///{tmp_path}/calls.db"
    assert settings.http is not None
    assert settings.http.token_file == tmp_path / "tokens"


def test_the_example_that_ships_is_sound(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, EXAMPLE))
    assert (settings.client_id, settings.retention_days, settings.devices) == ("collector.main", 180, None)


def test_the_example_names_all_that_can_be_set() -> None:
    settings = CollectorSettings.model_validate(tomllib.loads(re.sub(r"(?m)^# (?=[a-z_]+ = |\[)", "", EXAMPLE)))
    assert settings.http is not None
    assert settings.canary is not None
    assert settings.alerts is not None
    alerts = settings.alerts
    assert alerts.mail is not None
    assert alerts.webhook is not None
    tables = (settings.broker, settings.database, settings.http, settings.canary, alerts.mail, alerts.webhook)
    for table in (settings, alerts, *tables):
        assert table.model_fields_set == set(type(table).model_fields)


def test_all_mistakes_are_told_at_once_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(FleetError) as told:
        read_settings(write(tmp_path, 'name = "A.B"\nretention = 3\n[broker]\nhost = "b"\n'))
    for place in ("name", "retention", "broker.ca", "broker.certificate", "broker.key"):
        assert f"\n{place}: " in str(told.value)


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://wecall:hunter2@db/wecall", "mysql://db/wecall", "postgresql://db/wecall", "sqlite://", "x"],
)
def test_a_database_is_one_of_two_kinds_and_has_its_password_elsewhere(tmp_path: Path, url: str) -> None:
    with pytest.raises(FleetError, match=r"database\.url") as told:
        read_settings(write(tmp_path, f'{BROKER}[database]\nurl = "{url}"\n'))
    assert "hunter2" not in str(told.value)


def test_what_is_no_toml_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="no TOML"):
        read_settings(write(tmp_path, "name ="))
    with pytest.raises(FleetError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")
