"""How a collector is set up: one TOML file; passwords and keys are in files of their own."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from fleet.api.settings import HttpSettings
from fleet.collector.alert_settings import AlertSettings
from fleet.files import PathBeside, beside, read_settings_file
from fleet.names import HandsetName
from mqtt.tls import Server

_DAY_S: Final = 24 * 3600
_DRIVERS: Final = ("sqlite", "postgresql+psycopg")

_Port = Annotated[int, Field(ge=1, le=65535)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerAddress(_Table):
    """The broker, and what this collector shows to it.

    Attributes:
        host, port: where it takes MQTT over TLS.
        ca: PEM file with the authorities that sign its certificate.
        certificate, key: PEM files; the certificate's common name is `collector.` and the collector's name.
        keep_alive_s: seconds after which a silent connection is asked whether it lives.
        session_expiry_s: for how long the broker keeps this collector's session, and its share of the records with it,
            while the collector is away.
        group: the word by which all collectors of a broker share its records. Mosquitto gives a share to whoever
            subscribes with it, a handset too, and drops what that may not read: choose a word that nobody guesses.
    """

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: _Port = 8883
    ca: PathBeside
    certificate: PathBeside
    key: PathBeside
    keep_alive_s: Annotated[int, Field(ge=5, le=1200)] = 60
    session_expiry_s: Annotated[int, Field(ge=60, le=30 * _DAY_S)] = 7 * _DAY_S
    group: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")] = "collectors"

    def server(self) -> Server:
        """Read the files, for a connection.

        Raises:
            BrokerError: one of them cannot be used.
        """
        return Server.read(self.host, self.port, self.keep_alive_s, self.ca, self.certificate, self.key)


class Storage(_Table):
    """Where records are kept.

    Attributes:
        url: `sqlite:///calls.db` (a path, from this file's folder on), or `postgresql+psycopg://user@host/name`.
            Never with a password.
        password_file: PostgreSQL's password, mode 0600; left out where the environment says it (PGPASSFILE) or the
            server asks for none.
    """

    # The address that is taken where none is named is seen from the file's folder too.
    model_config = ConfigDict(revalidate_instances="always", validate_default=True)

    url: Annotated[str, Field(max_length=500)] = "sqlite:///calls.db"
    password_file: PathBeside | None = None

    @field_validator("url")
    @classmethod
    def _is_one_of_ours_and_holds_no_secret(cls, text: str, info: ValidationInfo) -> str:
        try:
            url = make_url(text)
        except ArgumentError as error:
            raise ValueError("this is no address of a database, as sqlite:///calls.db is") from error
        if url.drivername not in _DRIVERS:
            raise ValueError(f"begins with neither {_DRIVERS[0]}:// nor {_DRIVERS[1]}://")
        if url.password is not None:
            raise ValueError("holds a password, which belongs into a file of its own: see password_file")
        if url.drivername != "sqlite":
            return text
        if url.database is None or url.database in {"", ":memory:"}:
            raise ValueError("names no file, and what is in memory only is lost: sqlite:///calls.db names one")
        return url.set(database=str(beside(Path(url.database), info))).render_as_string()


class Canary(_Table):
    """A handset that there is none of, by whose certificate `wecall fleet check` sends a record of a call.

    Attributes:
        fleet: the one that it belongs to.
        certificate, key: PEM files; the certificate's common name is its device id.
    """

    fleet: HandsetName
    certificate: PathBeside
    key: PathBeside


class CollectorSettings(_Table):
    """Everything that a collector is told.

    Attributes:
        name: tells collectors apart; handsets show it to their holders as who confirmed a record.
        fleets: those whose messages it takes; all of them where it is empty, also such as a handset invents where the
            broker's access list does not name its fleet.
        devices: by fleet, the handsets that are known; messages of others are quarantined. None: whoever the broker
            lets in is known.
        names: the table of `wecall bundle mass`, of which the page and the API show serial, label and place beside the
            device id; read anew when it changes. None: ids alone.
        retention_days: for how long records of calls, outcomes and closed requests are kept; None: until they are
            taken back.
        audit_days: for how long it is kept who looked at what.
        broker: where messages come from.
        database: where they go.
        http: the read-only HTTP API and the page; None: neither.
        canary: by what a check sends a record; None: it sends none.
        alerts: who is told that something is wrong; None: nobody.
    """

    name: HandsetName = "main"
    fleets: tuple[HandsetName, ...] = ()
    devices: dict[HandsetName, frozenset[HandsetName]] | None = None
    names: PathBeside | None = None
    retention_days: Annotated[int, Field(ge=1, le=36500)] | None = None
    audit_days: Annotated[int, Field(ge=1, le=36500)] = 365
    broker: BrokerAddress
    database: Annotated[Storage, Field(validate_default=True)] = Storage()
    http: HttpSettings | None = None
    canary: Canary | None = None
    alerts: AlertSettings | None = None

    @property
    def client_id(self) -> str:
        """What it is called at the broker; no handset's name has a dot."""
        return f"collector.{self.name}"


def read_settings(path: Path) -> CollectorSettings:
    """Read the file of a collector.

    Raises:
        FleetError: it cannot be read, or has mistakes, which are all told.
    """
    return read_settings_file(path, CollectorSettings, "collector", "Check that the file is there.")
