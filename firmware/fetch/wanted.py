"""The two files between root's service and the fetcher: what root wants fetched, and what it hears of it."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from firmware.base.errors import HandsetError

HTTPS_PORT: Final = 443  # RFC 9110 section 4.2.2
_MOST_BYTES: Final = 64 * 1024
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 1123 section 2.1
# RFC 3986 sections 3.2.2 and 3.3, without user, query and fragment: they could tell one phone from another.
_ADDRESS: Final = re.compile(
    rf"https://(?P<host>(?=[^/:]{{1,253}}[/:]){_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<path>/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)"
)


class WantedError(HandsetError):
    """What root wants fetched cannot be read."""


class FetchCode(StrEnum):
    """What keeps a download from going on, by the words of `contract.results.OutcomeCode`.

    UNREACHABLE: the server is not reached, or says itself that it cannot answer now. STALLED: it was reached, and what
    it sends stopped. POSTPONED: a call is on. These pass. SERVER_WRONG: it is another server than the one that is
    wanted, or it does not give what is asked. WRONG_SIZE: its file is of another size. TOO_LARGE: it came to more bytes
    than the update has, by far.
    """

    NONE = ""
    UNREACHABLE = "unreachable"
    STALLED = "stalled"
    POSTPONED = "postponed"
    SERVER_WRONG = "server_wrong"
    WRONG_SIZE = "wrong_size"
    TOO_LARGE = "too_large"


class Place(msgspec.Struct, frozen=True):
    """Where something is fetched from.

    Attributes:
        address: https, a host, perhaps a port, a path, and nothing else.
    """

    address: Annotated[str, msgspec.Meta(max_length=500)]

    @property
    def is_one(self) -> bool:
        """Whether the address has that form."""
        return _ADDRESS.fullmatch(self.address) is not None and 0 < self.port < 1 << 16

    @property
    def host(self) -> str:
        """The server's name or address; one of IPv6 without its brackets."""
        return self._part("host").strip("[]")

    @property
    def port(self) -> int:
        return int(self._part("port") or HTTPS_PORT)

    @property
    def authority_part(self) -> str:
        """Host and port as they stand in the address (RFC 9110 section 7.2)."""
        return self.address.removeprefix("https://").partition("/")[0]

    @property
    def path(self) -> str:
        return self._part("path")

    def _part(self, name: str) -> str:
        match = _ADDRESS.fullmatch(self.address)
        return (match.group(name) or "") if match else ""


class Wanted(Place, frozen=True, forbid_unknown_fields=True):
    """What root wants fetched.

    Attributes:
        size_bytes: of all of it, as the signed message says.
        bandwidth_kbit: kilobits a second that it may take.
        authority: in PEM, who must have signed the server's certificate; without it any that this system trusts.
    """

    size_bytes: Annotated[int, msgspec.Meta(ge=4)]
    bandwidth_kbit: Annotated[int, msgspec.Meta(ge=1)]
    authority: str | None = None


class News(msgspec.Struct, frozen=True):
    """What root hears of a download.

    Attributes:
        received_bytes: that the server has sent, beginning with the start of this process.
        code: what keeps it from going on; none while it does.
    """

    received_bytes: int
    code: FetchCode


def read_wanted(path: Path) -> Wanted:
    """Read what root wants fetched.

    Raises:
        WantedError: there is nothing, or nothing that can be fetched.
    """
    try:
        with path.open("rb") as file:
            wanted = msgspec.json.decode(file.read(_MOST_BYTES), type=Wanted)
    except (OSError, msgspec.DecodeError) as error:
        raise WantedError("What to fetch could not be read; wecall-update writes it before it starts this.") from error
    if not wanted.is_one:
        raise WantedError("What to fetch has no address of the form https://host/path; publish the update with one.")
    return wanted


def write_news(path: Path, news: News) -> None:
    """Put news where root, which may have no right to read others' files, reads them: old ones or new ones, whole.

    Raises:
        OSError: the folder is not there, or is full.
    """
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(msgspec.json.encode(news))
    draft.chmod(0o644)
    draft.replace(path)
