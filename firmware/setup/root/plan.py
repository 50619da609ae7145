"""What a configuration wants of the machine: the files that it should have, by their paths from the root on."""

from collections.abc import Iterable, Mapping
from typing import Final

from contract.results import OutcomeCode
from firmware.setup.root.connections import FOLDER, OWN, RADIO, WIFI, cable_files, radio_file, wifi_files
from provisioning.errors import refuse
from provisioning.network import Network, Time, WifiSecurity, check_wifi_password, wifi_password_name
from provisioning.schema import Configuration

TIME_SERVERS: Final = "etc/systemd/timesyncd.conf.d/wecall.conf"

Files = dict[str, bytes | None]
"""Contents by path; None for a file that must not be there."""


def wanted_files(configuration: Configuration, secrets: Mapping[str, str], present: Iterable[str]) -> Files:
    """Return the files that must be as said; all others stay as they are, as does what the configuration leaves out.

    Args:
        configuration: the bundle's.
        secrets: passwords that the bundle has sealed.
        present: the names of the keyfiles that are there.

    Raises:
        BundleRefusedError: the password of a Wi-Fi network is missing, or is none.
    """
    files: Files = {}
    if (network := configuration.network) is not None:
        if network.ethernet is not None:
            files |= cable_files(network.ethernet)
        files |= {f"{FOLDER}/{name}": None for name in present if name.startswith(WIFI)}
        files |= wifi_files(network, _passwords(network, secrets))
        if network.wifi:
            files[RADIO] = radio_file(network.country or configuration.device.assumed_country)
    if configuration.time is not None:
        files[TIME_SERVERS] = _time_servers(configuration.time)
    return files


def wanted_radio(configuration: Configuration) -> bool | None:
    """Return whether Wi-Fi is to be switched on; None where that stays as it is."""
    return None if configuration.network is None else bool(configuration.network.wifi)


def is_network(path: str) -> bool:
    """Tell whether a file of these is NetworkManager's business."""
    return path.startswith(f"{FOLDER}/") and OWN.fullmatch(path.removeprefix(f"{FOLDER}/")) is not None


def _passwords(network: Network, secrets: Mapping[str, str]) -> dict[str, str]:
    passwords = {}
    for position, wifi in enumerate(network.wifi, start=1):
        if wifi.security is WifiSecurity.OPEN:
            continue
        name = wifi_password_name(position)
        password = secrets.get(name) or (wifi.password.get_secret_value() if wifi.password else "")
        if not password:
            refuse(OutcomeCode.NO_SECRETS, f"There is no {name}: the password of a Wi-Fi network is missing.")
        try:
            check_wifi_password(password)
        except ValueError as error:
            refuse(OutcomeCode.MISTAKES, f"{name}: {error}.")
        passwords[name] = password
    return passwords


def _time_servers(time: Time) -> bytes:
    # An address of IPv6 stands in brackets in the configuration alone.
    return f"[Time]\nNTP={' '.join(server.strip('[]') for server in time.servers)}\n".encode()
