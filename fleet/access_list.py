"""The handsets' part of the broker's access list: of each a block with what is below its own name in its own fleet.

The rest of the list, the blocks of services and of people, is whoever wrote it and stays as it is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import click

from contract.discovery import discovery_topic
from contract.downlink import DownTopic
from contract.messages import NAME_PATTERN, Topic, topic_name
from firmware.base.durable import replace_durably
from firmware.installer.authority_commands import AUTHORITY, SERVICE, check_identifier
from firmware.installer.authority_folder import AuthorityFolder
from firmware.installer.columns import device_ids
from provisioning.errors import ProvisioningError

_TITLE: Final = "# --- Handsets"
_HEADING: Final = f"{_TITLE}, each in its own fleet alone. Written by `wecall fleet ca acl`, which writes it anew. ---"
# The canary has a block of its own in the list that ships.
_USER: Final = re.compile(rf"user (?!canary-)(?P<device>{NAME_PATTERN})")
_PATTERN: Final = re.compile(
    r"pattern (read|write|readwrite) (wecall/v1/[^/]+/%u/[a-z]+|homeassistant/device/%u/config)"
)
_TOPIC: Final = re.compile(
    rf"topic (?:read|write) wecall/v1/(?P<fleet>{NAME_PATTERN})/(?P<device>{NAME_PATTERN})/[a-z]+"
)


@dataclass(frozen=True, slots=True)
class AccessList:
    """An access list of Mosquitto's.

    Attributes:
        others: the lines that are not about handsets.
        fleets: the fleet of each handset that has a block.
    """

    others: tuple[str, ...]
    fleets: Mapping[str, str]

    @classmethod
    def read(cls, text: str) -> Self:
        """Take a list apart. Patterns go: they let every handset speak in each fleet that they name.

        Raises:
            ProvisioningError: the block of a handset has lines that are none of ours, which would be lost.
        """
        others: list[str] = []
        fleets: dict[str, str] = {}
        device, in_heading = "", False
        for number, line in enumerate(map(str.strip, text.splitlines()), 1):
            in_heading = line.startswith("#") and (in_heading or line.startswith(_TITLE))
            if line.startswith("user "):
                found = _USER.fullmatch(line)
                device = found["device"] if found else ""
            if device and line.startswith("topic "):
                _note_fleet(fleets, device, line, number)
            elif not (in_heading or _PATTERN.fullmatch(line) or (device and not line.startswith("#"))):
                others.append(line)
        return cls(tuple(others), fleets)

    def text(self) -> str:
        """Return the list as Mosquitto reads it."""
        lines = "\n".join(self.others).rstrip()
        handsets = sorted(self.fleets.items(), key=lambda each: (each[1], each[0]))
        return "\n".join((lines, "", _HEADING, *(line for each in handsets for line in _block(*each)), ""))


@click.command()
@click.argument("authority", type=AUTHORITY)
@click.argument("path", metavar="ACL", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--fleet", required=True, help="The fleet that the handsets are of.")
@click.option(
    "--devices", "table", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The table of `wecall bundle mass`, whose handsets they are.  [default: all that the list does not have yet]",
)  # fmt: skip
def acl(authority: Path, path: Path, fleet: str, table: Path | None) -> None:
    """Write into ACL, the broker's access list, what each handset may say and hear, for a broker of several fleets.

    Each handset with a certificate that counts gets a block of its own: it speaks below its own name in its own fleet.
    One whose certificates count no more loses it. All else in ACL stays, but for patterns that hold for every handset.
    Needs no passphrase.
    """
    check_identifier(fleet, "a fleet")
    now = datetime.now(UTC)
    counting = {each.device for each in AuthorityFolder(authority).issued() if each.counts(now)}
    handsets = {device for device in counting if not SERVICE.fullmatch(device)}
    found = AccessList.read(path.read_text("utf-8", "surrogateescape"))
    kept = {device: of for device, of in found.fleets.items() if device in handsets}
    named = handsets - set(kept) if table is None else set(device_ids(table).values())
    if unknown := sorted(named - handsets):
        raise ProvisioningError(
            f"These have no certificate that counts: {', '.join(unknown)}. Make them with: wecall fleet ca issue"
        )
    written = AccessList(found.others, {**kept, **dict.fromkeys(named, fleet)})
    replace_durably(path, written.text().encode("utf-8", "surrogateescape"))
    moved = sum(kept.get(device, fleet) != fleet for device in named)
    click.echo(
        f"{path}: {len(written.fleets)} handset(s); {len(named - set(kept))} new in {fleet}, {moved} moved there from "
        f"another fleet, {len(found.fleets) - len(kept)} taken out."
    )
    click.echo("Copy it to the broker as /etc/mosquitto/wecall/acl, then there: systemctl reload mosquitto")


def _block(device: str, fleet: str) -> Iterator[str]:
    yield ""
    yield f"user {device}"
    yield from (f"topic write {topic_name(fleet, device, topic)}" for topic in Topic)
    yield f"topic write {discovery_topic(device)}"
    yield from (f"topic read {topic_name(fleet, device, topic)}" for topic in DownTopic)


def _note_fleet(fleets: dict[str, str], device: str, line: str, number: int) -> None:
    found = _TOPIC.fullmatch(line)
    if found and found["device"] == device and fleets.setdefault(device, found["fleet"]) == found["fleet"]:
        return
    if line != f"topic write {discovery_topic(device)}":
        raise ProvisioningError(
            f"Line {number} of the access list, in the block of the handset {device}, is none that this command "
            f"writes: {line}. Take it out; what is no handset has a dot in its name."
        )
