"""Makes the help code: what the phone knows of itself in twenty digits, each time with an entry in the ledger."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from contract.calls import DisconnectReason
from contract.consent import Actor, Channel
from contract.help_code import (
    BUNDLE_ENDS,
    CALLS,
    UPDATE_ENDS,
    CallVerdict,
    HelpFacts,
    Installed,
    LineFailure,
    LineState,
    NetworkLink,
    pack,
)
from contract.results import BundleCode, BundleResult, OutcomeCode
from firmware.phone.call import AudioTrouble
from firmware.phone.quality import bars
from firmware.phone.requests.handset import MakeHelpCode
from firmware.ports.store import CallLog, CallLogEntry
from firmware.privacy.consent import LedgerAction
from firmware.services.doctor.findings import Condition
from firmware.services.runner import Handlers
from firmware.store.consents import Consents
from firmware.store.errors import LedgerDamagedError
from firmware.voice.messages import GATEWAY, NAME_SERVER, SIGNAL

_VERSION: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(.*)")
_LEVEL: Final = re.compile(r"(-\d{1,3}) dBm")
_WIFI: Final = "wl"
_CABLE: Final = ("en", "eth")
_GOOD_DBM: Final = -60
_FAIR_DBM: Final = -72
_GOOD_BARS: Final = 3
_FAIR_BARS: Final = 2

_BROKEN: Final = {
    DisconnectReason.NETWORK_LOST: CallVerdict.NETWORK_LOST,
    DisconnectReason.INTERRUPTED: CallVerdict.INTERRUPTED,
    DisconnectReason.SERVER_ERROR: CallVerdict.SERVER_ERROR,
    DisconnectReason.UNREACHABLE: CallVerdict.UNREACHABLE,
    DisconnectReason.NOT_FOUND: CallVerdict.NOT_FOUND,
    DisconnectReason.NOT_ALLOWED: CallVerdict.NOT_ALLOWED,
    DisconnectReason.BARRED: CallVerdict.NOT_ALLOWED,
    DisconnectReason.NO_COMMON_CODEC: CallVerdict.NO_COMMON_CODEC,
    DisconnectReason.ENCRYPTION_REQUIRED: CallVerdict.ENCRYPTION_REQUIRED,
}

_UNHEARD: Final = {
    AudioTrouble.BLOCKED: CallVerdict.AUDIO_BLOCKED,
    AudioTrouble.NOT_HEARD: CallVerdict.NOT_HEARD,
    AudioTrouble.NOTHING_HEARD: CallVerdict.NOTHING_HEARD,
}


class HelpCodeErrands:
    """Makes a help code. Without a store there is no holder, no call and no ledger, and the rest is told."""

    def __init__(
        self,
        condition: Callable[[], Awaitable[Condition]],
        call_log: CallLog | None,
        consents: Consents | None,
    ) -> None:
        """Set up.

        Args:
            condition: tells what the handset knows about its own parts.
            call_log: whose last calls are counted; None where there is no store.
            consents: the ledger; None where there is no store.
        """
        self._condition = condition
        self._call_log = call_log
        self._consents = consents

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {MakeHelpCode: self._make}

    async def _make(self, request: MakeHelpCode) -> str:
        calls = await self._call_log.recent(CALLS) if self._call_log is not None else ()
        # No code without its entry: it is shown once that is on the disk.
        if self._consents is not None and not await self._consents.append(
            LedgerAction.EXPORT, "help_code", Actor.HOLDER, Channel.KEYPAD
        ):
            raise LedgerDamagedError("The consent ledger takes no entry, so no help code is made.")
        return pack(help_facts(await self._condition(), request, calls))


def help_facts(condition: Condition, request: MakeHelpCode, calls: Iterable[CallLogEntry]) -> HelpFacts:
    """Return what a help code says; of the calls nothing but how they went, in no order."""
    version, is_release = _version(condition.version)
    registration = condition.registration
    verdicts = [verdict for verdict in map(_verdict, calls) if verdict is not None]
    return HelpFacts(
        version=version,
        is_release=is_release,
        installed=Installed(condition.updates.how) if condition.updates is not None else Installed.OTHER,
        link=_link(condition.network),
        line=LineState(registration.state),
        failure=LineFailure(registration.failure or ""),
        calls=tuple(sorted(verdicts, key=list(CallVerdict).index)),
        bundle=_bundle(condition, request),
        update=_update(request.update),
    )


def _version(version: str) -> tuple[tuple[int, int, int], bool]:
    if (match := _VERSION.fullmatch(version)) is None:
        return (0, 0, 0), False
    major, minor, patch, rest = match.groups(default="")
    return (int(major), int(minor), int(patch or 0)), not rest


def _link(network: Iterable[tuple[str, str]]) -> NetworkLink:
    facts = list(network)
    names = {name for name, _ in facts} - {GATEWAY, NAME_SERVER, SIGNAL}
    if any(name.startswith(_CABLE) for name in names):
        return NetworkLink.CABLE
    if not any(name.startswith(_WIFI) for name in names):
        return NetworkLink.OTHER if names else NetworkLink.NONE
    # What voice says is believed as far as it can be read.
    level = next((_LEVEL.match(value) for name, value in facts if name == SIGNAL), None)
    if level is None:
        return NetworkLink.WIFI
    signal_dbm = int(level[1])
    if signal_dbm >= _GOOD_DBM:
        return NetworkLink.WIFI_GOOD
    return NetworkLink.WIFI_FAIR if signal_dbm >= _FAIR_DBM else NetworkLink.WIFI_WEAK


def _verdict(call: CallLogEntry) -> CallVerdict | None:
    """Return how a call went, None while it goes on."""
    if call.reason is None:
        return None
    if (broken := _BROKEN.get(call.reason)) is not None:
        return broken
    if call.answered_at is None:
        return CallVerdict.NOT_ANSWERED
    if call.quality is not None and call.quality.trouble is not None:
        return _UNHEARD[call.quality.trouble]
    if call.quality is None or not call.quality.mos:
        return CallVerdict.NOT_MEASURED
    count = bars(call.quality.mos)
    if count >= _GOOD_BARS:
        return CallVerdict.GOOD
    return CallVerdict.FAIR if count >= _FAIR_BARS else CallVerdict.POOR


def _bundle(condition: Condition, request: MakeHelpCode) -> BundleResult | BundleCode:
    """Return what became of the last bundle: one that was refused on a stick never came as far as to stand anywhere."""
    if (heard := request.bundle) is not None and not heard.is_update:
        result, code = heard.result, heard.code
    elif condition.bundles is not None and (ended := condition.bundles.ended) is not None:
        result, code = ended.result, ended.code
    else:
        return ""
    return code if code and code in BUNDLE_ENDS else result


def _update(code: OutcomeCode | None) -> BundleCode:
    if code is None:
        return ""
    return code if code in UPDATE_ENDS else OutcomeCode.FAILED
