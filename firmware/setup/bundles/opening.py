"""Builds what a run of the handset has to do with bundles."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from contract.results import CheckName
from firmware.base.errors import BundleError, StorageError
from firmware.base.proven_time import NAME, ProvenTime
from firmware.configuration.config_store import ConfigStore
from firmware.configuration.loading import LoadedConfiguration
from firmware.configuration.standing import Ended
from firmware.phone.events import Event
from firmware.services.records import Records
from firmware.setup.bundles.context import BundleContext
from firmware.setup.bundles.extras import Extras, Taker
from firmware.setup.bundles.identity import open_identity
from firmware.setup.bundles.root_work import RootWork
from firmware.setup.bundles.service import BundleService
from firmware.setup.bundles.steps import Steps
from firmware.setup.bundles.verdict import outcome_of
from firmware.setup.bundles.watch import PhoneWatch
from firmware.setup.site_key import site_keys
from provisioning.serial import serial

_log = logging.getLogger(__name__)

_SOUND_TRIES = 10


async def open_bundle_service(
    state_dir: Path,
    runtime_dir: Path,
    loaded: LoadedConfiguration,
    records: Records | None,
    *,
    watch: PhoneWatch,
    post: Callable[[Event], None],
    try_sound: Callable[[], Awaitable[str | None]],
    pictures_changed: Callable[[], None],
    reset: Taker | None,
    start_anew: Callable[[], None],
    site_key: Path,
) -> BundleService | None:
    """Return what takes bundles in, and tries the one that this run was started with; None where there are no keys.

    Args:
        state_dir: where the configurations are.
        runtime_dir: a folder in memory.
        loaded: what this run runs with.
        records: the store; None where there is none.
        watch: tells when the phone is left to itself.
        post: tells the phone, in the main thread.
        try_sound: opens every sound device; see VoiceClient.
        pictures_changed: called when pictures came in.
        reset: takes orders to erase the handset.
        start_anew: ends this run and begins another.
        site_key: a file with the public key that signs first bundles; words are asked about where it is not there.
    """
    config_store = ConfigStore(state_dir)
    try:
        identity = await asyncio.to_thread(open_identity, config_store.folder, serial())
        # Before anybody may bring another one.
        await asyncio.to_thread(config_store.sweep)
    except BundleError as error:
        _log.error("%s", error)
        return None
    except OSError as error:
        _log.warning("What is left of older bundles cannot be deleted: %s", error.strerror)

    async def sound_check() -> CheckName | None:
        # A voice that says nothing is being started anew.
        for _ in range(_SOUND_TRIES):
            if (fault := await try_sound()) is not None:
                break
            await asyncio.sleep(1)
        return CheckName.SOUND if fault is None else CheckName(fault) if fault else None

    async def tell_operator(ended: Ended) -> None:
        if records is None:
            raise StorageError("There is no store to queue an outcome in.")
        await records.outbox.queue_outcome(ended.digest, outcome_of(ended))

    context = BundleContext(
        config_store=config_store,
        identity=identity,
        firmware=partial(version, "wecall-handset"),
        watch=watch,
        steps=Steps(post),
        post=post,
        root=RootWork(),
        start_anew=start_anew,
        now_s=time.time,
        proven_time=ProvenTime(config_store.folder / NAME),
        site_keys=await asyncio.to_thread(site_keys, site_key),
    )
    return BundleService(
        context, loaded, Extras(records, runtime_dir, post, pictures_changed, reset), sound_check, tell_operator
    )
