"""The help code: twenty digits by which a holder tells on the telephone how their phone is.

They say what helps and nothing of a person: no number, no name, no address, no serial, no time. The first digit is the
format. Seventeen digits pack the facts by mixed radix, in the order of `_radices`. Two check them (ISO 7064 MOD 97-10,
as of an IBAN): each wrong digit and each pair of neighbours that were swapped is found.

A table here grows at its end only, as far as its radix goes: what a phone has said once means the same for ever. What
goes beyond that is another format: of the calls one with as many verdicts as there were then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb, prod
from typing import Final, TypeVar

from contract.results import BundleCode, BundleResult, CheckName, OutcomeCode

DIGITS: Final = 20
CALLS: Final = 7
"""So many of the last calls are counted."""

_FORMAT: Final = 2
_FACTS_DIGITS: Final = 17
_MODULUS: Final = 97
_LARGEST: Final = (9, 99, 99)


class HelpCodeError(ValueError):
    """These digits are no help code; the message says what to do."""


class Installed(StrEnum):
    """How the firmware is installed."""

    CARD = "card"
    PACKAGE = "package"
    OTHER = "other"


class NetworkLink(StrEnum):
    """What connects the phone to its network; of Wi-Fi how strong it is, where that is known."""

    NONE = "none"
    CABLE = "cable"
    WIFI = "wifi"
    WIFI_WEAK = "wifi_weak"
    WIFI_FAIR = "wifi_fair"
    WIFI_GOOD = "wifi_good"
    OTHER = "other"


class LineState(StrEnum):
    """How the default line stands with its server."""

    UNREGISTERED = "unregistered"
    REGISTERING = "registering"
    REGISTERED = "registered"
    FAILED = "failed"


class LineFailure(StrEnum):
    """Why it does not register."""

    NOTHING = ""
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a reason, not a password
    ACCOUNT_UNKNOWN = "account_unknown"
    SERVER_NOT_FOUND = "server_not_found"
    SERVER_UNREACHABLE = "server_unreachable"
    CERTIFICATE_REJECTED = "certificate_rejected"
    NO_NETWORK = "no_network"
    REFUSED = "refused"


class CallVerdict(StrEnum):
    """How a call went: what broke it, or else how it sounded, or else that nobody answered."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    NOT_MEASURED = "not_measured"
    NOT_ANSWERED = "not_answered"
    NETWORK_LOST = "network_lost"
    INTERRUPTED = "interrupted"
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    NO_COMMON_CODEC = "no_common_codec"
    ENCRYPTION_REQUIRED = "encryption_required"
    AUDIO_BLOCKED = "audio_blocked"
    NOT_HEARD = "not_heard"
    NOTHING_HEARD = "nothing_heard"


BUNDLE_ENDS: Final[tuple[BundleResult | BundleCode, ...]] = (
    "",
    *(BundleResult.APPLIED, BundleResult.REFUSED, BundleResult.REVERTED),
    *(BundleResult.INTERRUPTED, BundleResult.NOTHING_TO_DO),
    *(OutcomeCode.TOO_LARGE, OutcomeCode.UNREADABLE, OutcomeCode.UNKNOWN_KEY, OutcomeCode.FORGED),
    *(OutcomeCode.EXPIRED, OutcomeCode.NOT_YET_VALID, OutcomeCode.OLD, OutcomeCode.FAILED, OutcomeCode.UNSUPPORTED),
    *(OutcomeCode.FIRMWARE_SUPERSEDED, OutcomeCode.WRONG_SERIAL, OutcomeCode.WRONG_FLEET),
    *(OutcomeCode.REVERTED_BEFORE, OutcomeCode.MISTAKES, OutcomeCode.LOCKED_OUT, OutcomeCode.NO_SECRETS),
    *(OutcomeCode.SEALED_FOR_ANOTHER, OutcomeCode.WRONG_CODE, OutcomeCode.NOT_ACCEPTED, OutcomeCode.BUSY),
    *(OutcomeCode.NO_SPACE, CheckName.NETWORK, CheckName.LINES, CheckName.BROKER, CheckName.SOUND),
    *(CheckName.MICROPHONE, CheckName.START),
)
"""What became of the last bundle: why it does not count where that is here, or else how it ended; "" for none."""

UPDATE_ENDS: Final[tuple[BundleCode, ...]] = (
    "",
    *(OutcomeCode.APPLIED, OutcomeCode.INSTALLED, OutcomeCode.POSTPONED, OutcomeCode.WENT_BACK, OutcomeCode.FAILED),
    *(OutcomeCode.NOT_FOR_THIS, OutcomeCode.BY_PACKAGE, OutcomeCode.BELOW_FLOOR, OutcomeCode.NOT_NEWER),
    *(OutcomeCode.KEY_REVOKED, OutcomeCode.NO_PROOF, OutcomeCode.WRONG_SIZE, OutcomeCode.WRONG_HASH),
    *(OutcomeCode.UNREACHABLE, OutcomeCode.SERVER_WRONG, OutcomeCode.STALLED, OutcomeCode.DAMAGED),
    *(OutcomeCode.UNREADABLE, OutcomeCode.UNKNOWN_KEY, OutcomeCode.FORGED, OutcomeCode.EXPIRED),
    *(OutcomeCode.TOO_LARGE, OutcomeCode.NO_SPACE, OutcomeCode.BUSY),
)
"""What became of the last update of the firmware; "" for none."""

_INSTALLED: Final = tuple(Installed)
_LINKS: Final = tuple(NetworkLink)
_STATES: Final = tuple(LineState)
_FAILURES: Final = tuple(LineFailure)
_VERDICTS: Final = tuple(CallVerdict)


@dataclass(frozen=True, slots=True)
class _Calls:
    """What a format says of the calls: so many at most, each by one of so many verdicts."""

    most: int
    verdicts: int

    @property
    def count(self) -> int:
        """How many multisets there are, with places for calls that were not made."""
        return comb(self.most + self.verdicts, self.most)


_CALLS_BY_FORMAT: Final = {1: _Calls(8, 13), _FORMAT: _Calls(CALLS, len(_VERDICTS))}


def _radices(calls: _Calls) -> tuple[int, ...]:
    """Return how many values each fact has.

    Major, minor and patch of the version, whether it is a release, how it is installed; link; state and failure of the
    line; the calls, whose order is not told, so they are one of the multisets; bundle; update.
    """
    return (10, 100, 100, 2, 3, 8, 4, 10, calls.count, 60, 32)


@dataclass(frozen=True, slots=True)
class HelpFacts:
    """What a help code says.

    Attributes:
        version: of the firmware: major, minor and patch; what is beyond 9.99.99 is told as that.
        is_release: nothing stands behind the three numbers of its version.
        calls: the verdicts of the last ones, CALLS at most, in the order of the table.
        bundle: one of BUNDLE_ENDS.
        update: one of UPDATE_ENDS.
    """

    version: tuple[int, int, int]
    is_release: bool
    installed: Installed
    link: NetworkLink
    line: LineState
    failure: LineFailure
    calls: tuple[CallVerdict, ...]
    bundle: BundleResult | BundleCode
    update: BundleCode


def pack(facts: HelpFacts) -> str:
    """Return the twenty digits."""
    calls = _CALLS_BY_FORMAT[_FORMAT]
    version = tuple(min(part, largest) for part, largest in zip(facts.version, _LARGEST, strict=True))
    values = (
        *version,
        int(facts.is_release),
        _INSTALLED.index(facts.installed),
        _LINKS.index(facts.link),
        _STATES.index(facts.line),
        _FAILURES.index(facts.failure),
        _rank([_VERDICTS.index(verdict) for verdict in facts.calls], calls),
        BUNDLE_ENDS.index(facts.bundle),
        UPDATE_ENDS.index(facts.update),
    )
    number = 0
    for value, radix in zip(values, _radices(calls), strict=True):
        number = number * radix + value
    digits = f"{_FORMAT}{number:0{_FACTS_DIGITS}}"
    return f"{digits}{_MODULUS + 1 - int(digits) * 100 % _MODULUS:02}"


def unpack(digits: str) -> HelpFacts:
    """Return what twenty digits say; blanks and hyphens among them count as nothing.

    Raises:
        HelpCodeError: they are none, or were misheard, or a newer phone made them.
    """
    digits = "".join(digits.replace("-", " ").split())
    if not (digits.isascii() and digits.isdigit()):
        raise HelpCodeError("A help code has digits only. Have it read once more.")
    if len(digits) != DIGITS:
        raise HelpCodeError(f"These are {len(digits)} digits, and a help code has {DIGITS}. Have it read once more.")
    if int(digits) % _MODULUS != 1:
        raise HelpCodeError("A digit is wrong, or two of them are swapped. Have the code read once more.")
    if (kinds := _CALLS_BY_FORMAT.get(int(digits[0]))) is None:
        raise HelpCodeError(f"This code is of format {digits[0]}. Newer tools can explain it: install them.")
    number = int(digits[1:-2])
    radices = _radices(kinds)
    if number >= prod(radices):
        raise HelpCodeError("No phone makes this code. Have it read once more.")
    values: list[int] = []
    for radix in reversed(radices):
        number, value = divmod(number, radix)
        values.append(value)
    update, bundle, calls, failure, line, link, installed, is_release, patch, minor, major = values
    return HelpFacts(
        version=(major, minor, patch),
        is_release=bool(is_release),
        installed=_INSTALLED[installed],
        link=_known(_LINKS, link),
        line=_STATES[line],
        failure=_known(_FAILURES, failure),
        calls=tuple(_VERDICTS[verdict] for verdict in _unrank(calls, kinds) if verdict != kinds.verdicts),
        bundle=_known(BUNDLE_ENDS, bundle),
        update=_known(UPDATE_ENDS, update),
    )


_T = TypeVar("_T")


def _known(table: Sequence[_T], place: int) -> _T:
    if place >= len(table):
        raise HelpCodeError("This code says what these tools do not know yet. Install newer ones.")
    return table[place]


def _rank(verdicts: Iterable[int], calls: _Calls) -> int:
    """Return the place of a multiset among all: it is a combination once each member is moved by its own place."""
    whole = sorted([*verdicts, *[calls.verdicts] * calls.most][: calls.most])
    return sum(comb(verdict + place, place + 1) for place, verdict in enumerate(whole))


def _unrank(rank: int, calls: _Calls) -> list[int]:
    whole = []
    for place in reversed(range(calls.most)):
        verdict = calls.verdicts
        while comb(verdict + place, place + 1) > rank:
            verdict -= 1
        rank -= comb(verdict + place, place + 1)
        whole.append(verdict)
    return whole[::-1]
