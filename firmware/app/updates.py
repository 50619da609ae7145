"""Builds what looks after updates in a run of the handset, and marks in a file that a call is on."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from contract.results import OutcomeCode
from firmware.app.boot import Options
from firmware.app.memory import Memory
from firmware.app.user_interface import UserInterface
from firmware.base.errors import StorageError
from firmware.base.heartbeats import Health
from firmware.base.proven_time import NAME, ProvenTime
from firmware.configuration.config_store import FOLDER_NAME
from firmware.configuration.loading import LoadedConfiguration
from firmware.phone.bundle_news import BundleNews
from firmware.phone.call import CallState, RegistrationState
from firmware.phone.pin import Guard
from firmware.phone.updates import UpdateStage, UpdateTold
from firmware.phone.view import PhoneView
from firmware.services.dates import date_in_words
from firmware.services.doctor.findings import FirmwareStanding
from firmware.services.records import Records
from firmware.setup.bundles.service import BundleService
from firmware.setup.bundles.watch import PhoneWatch
from firmware.setup.root.update.messages import SOCKET, STATE
from firmware.setup.update.context import UpdateContext
from firmware.setup.update.judge import Facts, StoreCondition
from firmware.setup.update.memory import UpdateStore
from firmware.setup.update.root_updates import RootUpdates
from firmware.setup.update.service import UpdateService
from provisioning.serial import serial
from provisioning.updates import Updates

_APT_SOURCE: Final = Path("/etc/apt/sources.list.d/wecall.sources")
"""The operator's repository, as wecall-upgrade.service reads it."""


def open_update_service(
    options: Options,
    loaded: LoadedConfiguration,
    health: Health,
    watch: PhoneWatch,
    *,
    memory: Memory,
    user_interface: UserInterface,
    bundles: Callable[[], BundleService | None],
    post: Callable[[UpdateTold | BundleNews], None],
) -> UpdateService:
    """Return what takes updates, has them tried and judges them.

    Args:
        options: where folders are; root's service has its own beside the handset's runtime folder.
        loaded: what this run runs with.
        health: knows whether all threads make progress.
        watch: tells when the phone is left to itself.
        memory: has the store.
        user_interface: has the display.
        bundles: what takes bundles in, which a restart would cut off.
        post: tells the phone.
    """
    configuration = loaded.configuration
    proven_time = ProvenTime(options.state_dir / FOLDER_NAME / NAME)

    def facts() -> Facts:
        lines = watch.view.lines if watch.view is not None else ()
        kept = memory.records
        return Facts(
            lines=sum(line.state is RegistrationState.REGISTERED for line in lines),
            store=store_condition(kept) if configuration is not None else StoreCondition.NONE,
            takes_pin=kept is not None and Guard.PIN in kept.keyring.guards,
            display=user_interface.display_works,
            threads=not health.stalled(),
        )

    async def tell_operator(digest: str, code: OutcomeCode) -> None:
        if (kept := memory.records) is None:
            raise StorageError("There is no store to queue an outcome in.")
        await kept.documents.updates.became(digest, code)

    def is_free() -> bool:
        return (service := bundles()) is None or service.intake.is_free

    context = UpdateContext(
        settings=configuration.updates if configuration is not None else Updates(),
        device=configuration.device.id if configuration is not None else serial(),
        watch=watch,
        is_free=is_free,
        facts=facts,
        now=proven_time.read,
        uptime_s=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        day=lambda at_s: date_in_words(at_s, user_interface.language),
        post=post,
        tell_operator=tell_operator,
    )
    roots = options.runtime_dir.parent / Path(SOCKET).parent.name
    root = RootUpdates(roots / Path(SOCKET).name, roots / Path(STATE).name)
    return UpdateService(context, root, UpdateStore(options.state_dir))


def firmware_standing(service: UpdateService, apt_source: Path = _APT_SOURCE) -> FirmwareStanding | None:
    """Return which firmware runs and what comes next; None where nobody updates this machine."""
    if (state := service.state) is None:
        return None
    told = service.told
    is_announced = told.stage in {UpdateStage.WAITING, UpdateStage.INSTALLING}
    return FirmwareStanding(
        runs=state.version,
        how=state.how,
        waits=state.installed or (told.version if is_announced else ""),
        on_trial=state.on_trial,
        went_back=state.last_version if state.last is OutcomeCode.WENT_BACK else "",
        has_source=apt_source.exists(),
    )


def store_condition(records: Records | None) -> StoreCondition:
    """Return how the store is, as a trial is judged by it; None where no records could be opened."""
    if records is None or records.store_proved is False:
        return StoreCondition.SHUT
    if records.keyring.waits_for_pin:
        return StoreCondition.WAITS
    if records.opens_when:
        return StoreCondition.PROVED if records.store_proved else StoreCondition.SHUT
    return StoreCondition.SHUT if records.fault else StoreCondition.OPEN


class CallMark:
    """A file that is there while a call is on: what fetches updates stands still meanwhile.

    Args:
        path: of the file, in memory; one that a run before has left goes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_set = False
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def note_view(self, view: PhoneView) -> None:
        """See what the phone does now; a mark that cannot be made costs a call some of its line, and no more."""
        calls = (view.call, *view.other_calls)
        is_on = any(call is not None and call.state is not CallState.DISCONNECTED for call in calls)
        if is_on is self._is_set:
            return
        self._is_set = is_on
        with suppress(OSError):
            if is_on:
                self._path.touch(mode=0o644)
            else:
                self._path.unlink(missing_ok=True)
