"""`wecall fleet set-up`: broker, collector and page on one Debian, by one command."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import available_timezones

import click

from firmware.base.durable import replace_durably
from firmware.installer.authority_commands import AUTHORITY_DAYS, make_service, new_passphrase
from firmware.installer.authority_folder import AuthorityFolder
from fleet.errors import FleetError
from fleet.names import is_name
from fleet.set_up.machine import (
    add_user,
    become,
    give,
    install,
    ours,
    replace_package_file,
    require_root_on_debian,
    run,
    write_new,
)

PROGRAM: Final = Path("/opt/wecall-fleet/bin/wecall")
STATE: Final = Path("/var/lib/wecall-collector")
BROKER: Final = Path("/etc/mosquitto/wecall")

_USER: Final = "wecall-collector"
_LOOKER: Final = "dashboard.main"
_UNITS: Final = Path("/etc/systemd/system")
_UNIT: Final = "wecall-collector.service"
_SQLITE: Final = "sqlite:///calls.db"
_POSTGRESQL: Final = f"postgresql+psycopg://{_USER}@/wecall?host=/run/postgresql"
_BROUGHT: Final = {
    BROKER / "ca.pem": Path("ca.pem"),
    BROKER / "revoked.pem": Path("revoked.pem"),
    BROKER / "broker.key": Path("certificates/broker.main.key"),
    BROKER / "broker.pem": Path("certificates/broker.main.pem"),
    STATE / "ca.pem": Path("ca.pem"),
    **{
        STATE / "certificates" / name: Path("certificates", name)
        for name in ("collector.main.key", "collector.main.pem", "canary-main.key", "canary-main.pem")
    },
}
"""Where each file of the authority's is used."""

# Each handset is a connection, and a process may hold 1,024. Nobody is to guess before the rules stand.
_BROKER_UNIT: Final = (
    f"[Service]\nLimitNOFILE=200000\nExecStartPre=/usr/sbin/nft -f {BROKER / 'guesses.nft'}\n".encode()
)


@click.command(name="set-up")
@click.argument("authority", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--host",
    "hosts",
    multiple=True,
    required=True,
    help="A name or an address by which handsets reach this machine; can be given again.",
)
@click.option(
    "--fleet", default="default", show_default=True, help="The one fleet of its handsets, `fleet` in their [device]."
)
@click.option("--postgresql", is_flag=True, help="Keep the history in Debian's PostgreSQL.  [default: SQLite]")
@click.option(
    "--time-zone", default="UTC", show_default=True, help="Where the days begin by which holders' requests are due."
)
def set_up(
    authority: Path, hosts: tuple[str, ...], fleet: str, postgresql: bool, time_zone: str
) -> None:  # fmt: skip
    """Set up a fleet's whole server on this Debian: broker, collector, page; as root.

    The authority is made in the folder AUTHORITY, or is there already; its passphrase is asked for. Files that are
    there stay as they are, so that the command can be said again whatever stopped it. It ends with `wecall fleet
    check`.
    """
    try:
        _require(fleet, time_zone)
        brought = install("mosquitto", "nftables", *(["postgresql"] if postgresql else []))
        _told(f"installed {', '.join(brought)}" if brought else "Debian's packages are there")
        _bring_certificates(authority, hosts)
        _set_up_broker(authority, fleet)
        if postgresql:
            _make_database()
        _set_up_collector(_POSTGRESQL if postgresql else _SQLITE, time_zone)
        _start()
    except FleetError as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"\nThe page: http://127.0.0.1:8090/, as {_LOOKER}, with the password in {authority / _LOOKER}.\n"
        f'Handsets: host = {hosts[0]!r}, ca = {authority / "ca.pem"}, complete = "ack".\n'
        f"Now take {authority} away from this machine, and keep a copy: whoever has it and the passphrase decides whom "
        "the broker lets in.\n"
    )
    # As the collector's user: PostgreSQL asks who it is.
    become(_USER, PROGRAM, "fleet", "check", "--settings", STATE / "collector.toml")


def _require(fleet: str, time_zone: str) -> None:
    require_root_on_debian()
    if not PROGRAM.exists():
        raise FleetError(f"There is no {PROGRAM}. Install the tools there first, as docs/fleet.md says.")
    if not is_name(fleet):
        raise FleetError(f"{fleet!r} is no name of a fleet: small letters, digits and hyphens, as in north-1.")
    if time_zone not in available_timezones():
        raise FleetError(f"{time_zone!r} is no time zone that this computer knows, as Asia/Shanghai is.")


def _bring_certificates(authority: Path, hosts: tuple[str, ...]) -> None:
    """Make what is missing, and bring it to where it is used; where nothing is, the authority may be away."""
    if all(target.exists() for target in _BROUGHT):
        _told("the certificates are there")
        return
    folder = AuthorityFolder(authority)
    there, trusted = folder.certificate_path, BROKER / "ca.pem"
    if trusted.exists() and (not there.exists() or there.read_bytes() != trusted.read_bytes()):
        raise FleetError(
            f"The broker trusts another authority than the one in {authority}. Bring back the folder that its "
            f"certificates are from, or, where no handset has one yet, move {BROKER} and {STATE} away."
        )
    now = datetime.now(UTC)
    if there.exists():
        unlocked = folder.unlock(now)
    else:
        authority.mkdir(mode=0o700, parents=True, exist_ok=True)
        unlocked = folder.found("WeCall fleet", new_passphrase(), days=AUTHORITY_DAYS, now=now)
    # The collector is on the same machine, which need not know itself by the name that others use.
    names = {"broker.main": (*dict.fromkeys((*hosts, "localhost")),), "collector.main": (), "canary-main": ()}
    for name, own_hosts in names.items():
        make_service(folder, unlocked, name, authority / "certificates", hosts=own_hosts, now=now)
    for target, source in _BROUGHT.items():
        write_new(target, (authority / source).read_bytes())
    _told(f"made certificates for {', '.join(names)}")


def _set_up_broker(authority: Path, fleet: str) -> None:
    write_new(BROKER / "acl", ours("broker", "acl").replace(b"wecall/v1/default/", f"wecall/v1/{fleet}/".encode()))
    write_new(BROKER / "guesses.nft", ours("broker", "guesses.nft"))
    passwords = BROKER / "passwords"
    if not passwords.exists():
        authority.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(authority / _LOOKER, f"{secrets.token_urlsafe(15)}\n".encode())
        draft = passwords.with_name(".passwords.plain")
        replace_durably(draft, f"{_LOOKER}:{(authority / _LOOKER).read_text().strip()}\n".encode())
        # A command line can be read by others; this replaces the file's passwords by their hashes.
        run("mosquitto_passwd", "-U", draft)
        draft.replace(passwords)
    give(BROKER, "mosquitto")
    write_new(_UNITS / "mosquitto.service.d" / "wecall.conf", _BROKER_UNIT, 0o644)
    # Last: with it the broker needs all the others.
    replace_package_file("mosquitto", Path("/etc/mosquitto/mosquitto.conf"), ours("broker", "mosquitto.conf"))
    _told(f"the broker's files are in {BROKER}")


def _make_database() -> None:
    def ask(question: str) -> list[str]:
        return run("psql", "-qtAc", question, as_user="postgres").split()

    run("systemctl", "enable", "--now", "postgresql.service")
    if _USER not in ask("SELECT rolname FROM pg_roles"):
        run("createuser", _USER, as_user="postgres")
    if "wecall" not in ask("SELECT datname FROM pg_database"):
        run("createdb", "--owner", _USER, "wecall", as_user="postgres")
    _told("the database wecall is there")


def _set_up_collector(database: str, time_zone: str) -> None:
    add_user(_USER)
    write_new(STATE / "tokens", f"{secrets.token_hex(32)} *\n".encode())
    write_new(STATE / "collector.toml", _settings(database, time_zone).encode())
    give(STATE, _USER)
    write_new(_UNITS / _UNIT, ours("collector", _UNIT), 0o644)
    _told(f"the collector's files are in {STATE}")


def _settings(database: str, time_zone: str) -> str:
    return f"""\
# fleet/collector/collector.example.toml shows all that can be set.
name = "main"
retention_days = 180

[broker]
host = "localhost"
ca = "ca.pem"
certificate = "certificates/collector.main.pem"
key = "certificates/collector.main.key"
# Nobody but collectors is to know it.
group = "{secrets.token_hex(16)}"

[database]
url = "{database}"

[http]
token_file = "tokens"
time_zone = "{time_zone}"
user_fleets = {{ "{_LOOKER}" = "*" }}

[canary]
fleet = "canary"
certificate = "certificates/canary-main.pem"
key = "certificates/canary-main.key"
"""


def _start() -> None:
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "mosquitto.service", _UNIT)
    # What ran before this knows nothing of its new files.
    run("systemctl", "restart", "mosquitto.service")
    run("systemctl", "restart", _UNIT)
    _told("both run")


def _told(what: str) -> None:
    click.echo(f"- {what}")
