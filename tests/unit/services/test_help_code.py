from collections.abc import Sequence
from dataclasses import replace

import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Actor, Channel
from contract.help_code import CallVerdict, HelpFacts, Installed, LineFailure, LineState, NetworkLink, unpack
from contract.results import BundleResult, CheckName, OutcomeCode, StickCode
from firmware.configuration.loading import LoadedConfiguration
from firmware.configuration.standing import BundleSource, Ended, Standing
from firmware.phone.bundle_news import BundleEnded
from firmware.phone.call import AudioTrouble, CallId, CallQuality, RegistrationFailure, RegistrationState
from firmware.phone.news import RegistrationChanged
from firmware.phone.requests.handset import MakeHelpCode
from firmware.ports.store import CallLogEntry
from firmware.privacy.consent import LedgerAction
from firmware.services.doctor.findings import Condition, FirmwareStanding
from firmware.services.help_code import HelpCodeErrands, help_facts
from firmware.store.errors import LedgerDamagedError
from tests.lab.store import StoreLab

pytestmark = pytest.mark.feature("help code")

CONDITION = Condition(
    LoadedConfiguration(None, ()),
    RegistrationChanged(RegistrationState.FAILED, RegistrationFailure.WRONG_PASSWORD, 403),
    network=(("wlan0", "192.0.2.1"), ("gateway", "192.0.2.254"), ("name server", "192.0.2.53"), ("signal", "-80 dBm")),
    version="0.2.0",
    updates=FirmwareStanding("0.2.0", "card"),
)
NOTHING = MakeHelpCode(None, None)
QUALITY = CallQuality(0.4, 8.0, 42.0, "G722", True, 4.3)


def facts(
    *, request: MakeHelpCode = NOTHING, calls: Sequence[CallLogEntry] = (), condition: Condition = CONDITION
) -> HelpFacts:
    return help_facts(condition, request, calls)


def call(
    reason: DisconnectReason | None,
    mos: float | None = None,
    *,
    answered: bool = True,
    trouble: AudioTrouble | None = None,
) -> CallLogEntry:
    quality = None if mos is None else replace(QUALITY, mos=mos, trouble=trouble)
    return CallLogEntry(
        CallId("c"), CallDirection.OUTGOING, "+442012345678", "Anna", 1.0, 2.0 if answered else None, 3.0, reason, 0,
        quality=quality,
    )  # fmt: skip


async def condition() -> Condition:
    return CONDITION


async def make(lab: StoreLab) -> HelpFacts:
    answer = await HelpCodeErrands(condition, lab.call_log, lab.consents).handlers[MakeHelpCode](NOTHING)
    assert isinstance(answer, str)
    return unpack(answer)


async def test_the_code_says_how_the_phone_is_and_the_ledger_that_somebody_wanted_it(lab: StoreLab) -> None:
    await lab.make_call("+442012345678", CallDirection.OUTGOING, reason=DisconnectReason.NETWORK_LOST)
    assert await make(lab) == HelpFacts(
        (0, 2, 0), True, Installed.CARD, NetworkLink.WIFI_WEAK, LineState.FAILED, LineFailure.WRONG_PASSWORD,
        (CallVerdict.NETWORK_LOST,), "", "",
    )  # fmt: skip
    entry = (await lab.consents.entries())[-1]
    assert (entry.action, entry.about) == (LedgerAction.EXPORT, "help_code")
    assert (entry.actor, entry.channel) == (Actor.HOLDER, Channel.KEYPAD)


async def test_where_the_ledger_takes_no_entry_there_is_no_code(lab: StoreLab) -> None:
    await make(lab)
    await lab.store.transact(lambda database: database.execute("UPDATE consent_head SET entries = 7"))
    with pytest.raises(LedgerDamagedError):
        await make(lab)


async def test_without_a_store_the_rest_is_told() -> None:
    answer = await HelpCodeErrands(condition, None, None).handlers[MakeHelpCode](NOTHING)
    assert isinstance(answer, str)
    assert unpack(answer).calls == ()


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (call(DisconnectReason.LOCAL_HANGUP, 4.3), CallVerdict.GOOD),
        (call(DisconnectReason.REMOTE_HANGUP, 3.2), CallVerdict.FAIR),
        (call(DisconnectReason.LOCAL_HANGUP, 2.0), CallVerdict.POOR),
        (call(DisconnectReason.LOCAL_HANGUP), CallVerdict.NOT_MEASURED),
        (call(DisconnectReason.LOCAL_HANGUP, 0.0), CallVerdict.NOT_MEASURED),
        (call(DisconnectReason.LOCAL_HANGUP, 0.0, trouble=AudioTrouble.BLOCKED), CallVerdict.AUDIO_BLOCKED),
        (call(DisconnectReason.LOCAL_HANGUP, 4.3, trouble=AudioTrouble.NOT_HEARD), CallVerdict.NOT_HEARD),
        (call(DisconnectReason.REMOTE_HANGUP, 0.0, trouble=AudioTrouble.NOTHING_HEARD), CallVerdict.NOTHING_HEARD),
        (call(DisconnectReason.NETWORK_LOST, 4.3), CallVerdict.NETWORK_LOST),
        (call(DisconnectReason.BUSY, answered=False), CallVerdict.NOT_ANSWERED),
        (call(DisconnectReason.BARRED, answered=False), CallVerdict.NOT_ALLOWED),
    ],
)
def test_a_call_is_told_by_what_broke_it_or_by_how_it_sounded(made: CallLogEntry, verdict: CallVerdict) -> None:
    assert facts(calls=[made]).calls == (verdict,)


def test_a_call_that_goes_on_has_no_verdict_and_every_end_has_one() -> None:
    assert facts(calls=[call(None)]).calls == ()
    assert all(len(facts(calls=[call(reason)]).calls) == 1 for reason in DisconnectReason)


@pytest.mark.parametrize(
    ("network", "link"),
    [
        ((), NetworkLink.NONE),
        ((("gateway", "192.0.2.254"), ("name server", "192.0.2.53")), NetworkLink.NONE),
        ((("end0", "192.0.2.1"), ("wlan0", "192.0.2.2")), NetworkLink.CABLE),
        ((("wlan0", "192.0.2.2"),), NetworkLink.WIFI),
        ((("wlan0", "192.0.2.2"), ("signal", "-55 dBm")), NetworkLink.WIFI_GOOD),
        ((("wlan0", "192.0.2.2"), ("signal", "-65 dBm")), NetworkLink.WIFI_FAIR),
        ((("wlan0", "192.0.2.2"), ("signal", "loud")), NetworkLink.WIFI),
        ((("usb0", "192.0.2.2"),), NetworkLink.OTHER),
    ],
)
def test_how_the_phone_is_connected(network: tuple[tuple[str, str], ...], link: NetworkLink) -> None:
    assert facts(condition=replace(CONDITION, network=network)).link is link


@pytest.mark.parametrize(
    ("version", "told", "is_release"),
    [
        ("0.2.0", (0, 2, 0), True),
        ("1.4", (1, 4, 0), True),
        ("0.3.0.dev5+g12", (0, 3, 0), False),
        ("?", (0, 0, 0), False),
    ],
)
def test_which_version_runs(version: str, told: tuple[int, int, int], is_release: bool) -> None:
    made = facts(condition=replace(CONDITION, version=version))
    assert (made.version, made.is_release) == (told, is_release)


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (BundleEnded(BundleResult.APPLIED), BundleResult.APPLIED),
        (BundleEnded(BundleResult.REFUSED, OutcomeCode.WRONG_SERIAL), OutcomeCode.WRONG_SERIAL),
        (BundleEnded(BundleResult.REVERTED, CheckName.LINES), CheckName.LINES),
        (BundleEnded(BundleResult.NOTHING_TO_DO, StickCode.NO_BUNDLE), BundleResult.NOTHING_TO_DO),
        (BundleEnded(BundleResult.APPLIED, OutcomeCode.APPLIED, is_update=True), CheckName.BROKER),
        (None, CheckName.BROKER),
    ],
)
def test_what_became_of_the_last_bundle(heard: BundleEnded | None, told: object) -> None:
    ended = Ended(
        offer="o",
        digest="0" * 64,
        source=BundleSource.STICK,
        result=BundleResult.REVERTED,
        code=CheckName.BROKER,
        at=1.0,
    )
    made = facts(request=MakeHelpCode(heard, None), condition=replace(CONDITION, bundles=Standing(ended=ended)))
    assert made.bundle == told


def test_every_end_of_a_bundle_and_of_an_update_can_be_told() -> None:
    for code in (*OutcomeCode, *CheckName, *StickCode):
        for result in BundleResult:
            assert facts(request=MakeHelpCode(BundleEnded(result, code), None)).bundle
    assert all(facts(request=MakeHelpCode(None, code)).update for code in OutcomeCode)
