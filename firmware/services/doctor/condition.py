"""Asks each part of a running handset how it is; what that means is for firmware.services.doctor.findings to say."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Final

from firmware.base.errors import HandsetError
from firmware.base.proven_time import is_synchronised
from firmware.configuration.loading import LoadedConfiguration
from firmware.configuration.standing import Standing
from firmware.phone.call import AudioTrouble, CallState
from firmware.phone.news import NO_CALLS, Problem, RegistrationChanged
from firmware.phone.view import CallView, PhoneView
from firmware.ports.broker import DailyTraffic
from firmware.ports.store import CallLogEntry
from firmware.services.doctor.findings import Condition, FirmwareStanding
from firmware.services.faults import Faults
from firmware.services.records import Records
from firmware.voice.audio.sound_format import best_format
from firmware.voice.messages import Report
from provisioning.report import HardwareTest

# The last call that was answered is among so many, but for one that is called in vain again and again.
_LOOKED_AT: Final = 20


async def read_condition(
    loaded: LoadedConfiguration,
    view: PhoneView,
    *,
    faults: Faults,
    device_faults: Mapping[str, str],
    speech_fault: str,
    voice: Report | None,
    records: Records | None,
    bundles: Standing | None,
    updates: FirmwareStanding | None,
    hardware: HardwareTest | None,
) -> Condition:
    """Return how everything is now.

    Args:
        loaded: what the handset runs with.
        view: the phone's state.
        faults: of the store, the ledger, files for import and the broker.
        device_faults: a sentence for each device that does not work, by part.
        speech_fault: why menus cannot be spoken, empty where they can.
        voice: what voice says of itself; None where it says nothing.
        records: the store; None where there is none.
        bundles: which bundle's configuration counts; None where none can be taken.
        updates: which firmware runs; None where nobody updates it.
        hardware: what the self-test found; None where nobody made it.
    """
    problems = dict(view.problems)
    missing_sound = problems.get(Problem.SOUND_MISSING)
    state, code = faults.broker or (None, "")
    running = _running_calls(view)
    return Condition(
        configuration=loaded,
        registration=RegistrationChanged(view.registration, view.registration_failure, view.registration_sip_code),
        device_faults={**device_faults, **({} if missing_sound is None else {"audio": missing_sound})},
        sound=voice.sound if voice is not None else "",
        sound_format=await asyncio.to_thread(best_format),
        store_fault=faults.store,
        store_opens_when=records.closed_until if records is not None else "",
        guards=records.keyring.guards if records is not None else None,
        ledger_fault=faults.ledger,
        files_fault=faults.files,
        waiting_messages=await _waiting_messages(records),
        broker_state=state,
        broker_code=code,
        traffic=await _traffic(loaded, records),
        clock_synchronised=is_synchronised(),
        sip_build=(voice.sip_build or None) if voice is not None else None,
        network=voice.network if voice is not None else (),
        sip_fault=next((detail for problem, detail in view.problems if problem in NO_CALLS), None),
        voice_away=Problem.VOICE_AWAY in problems,
        microphone_open=Problem.MICROPHONE_OPEN in problems,
        sound_fault=dict(view.problems).get(Problem.SOUND_CONFINED, ""),
        trouble=_trouble(running) if running else await _last_trouble(records),
        in_call=bool(running),
        speech_fault=speech_fault,
        bundles=bundles,
        version=version("wecall-handset"),
        updates=updates,
        hardware=hardware,
    )


def _running_calls(view: PhoneView) -> list[CallView]:
    calls = view.other_calls if view.call is None else (view.call, *view.other_calls)
    return [call for call in calls if call.state in {CallState.ACTIVE, CallState.HELD}]


def _trouble(calls: Sequence[CallView | CallLogEntry]) -> AudioTrouble | None:
    found = (call.quality.trouble for call in calls if call.quality is not None)
    return next((trouble for trouble in found if trouble is not None), None)


async def _last_trouble(records: Records | None) -> AudioTrouble | None:
    if records is not None:
        with suppress(HandsetError):
            measured = [call for call in await records.call_log.recent(_LOOKED_AT) if call.quality is not None]
            return _trouble(measured[:1])
    return None


async def _traffic(loaded: LoadedConfiguration, records: Records | None) -> DailyTraffic | None:
    if records is None or loaded.configuration is None or loaded.configuration.sync is None:
        return None
    with suppress(HandsetError):
        return await records.traffic.daily()
    return None


async def _waiting_messages(records: Records | None) -> int:
    if records is not None:
        with suppress(HandsetError):
            return await records.outbox.waiting()
    return 0
