"""The handset's first moments: voice gets its settings and registers while the rest is still being loaded.

A phone that is not registered cannot be called. What is imported here is therefore only what voice's settings take;
the display, the store and all else follow in firmware.app.handset.
"""

import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from firmware.base import logs
from firmware.configuration.contradictions import dial_plan
from firmware.configuration.loading import LoadedConfiguration, load
from firmware.settings.voice import voice_settings
from firmware.voice.client import VoiceClient
from firmware.voice.kept_line import Door, keep
from firmware.voice.settings import pack

_ZONE: Final = "TZ"
_OURS: Final = "WECALL_SETS_TZ"
"""Says that the zone in the environment is of a configuration: a process that starts anew inherits it."""
_log = logging.getLogger(__name__)

# A voice that runs is there in some milliseconds; one that starts beside the handset takes as long as it does.
_PATIENCE_S: Final = 0.1
_USER: Final = re.compile(r"^sips?:([^@;:]+)@")


def use_zone(name: str | None) -> None:
    """Keep the time of a zone (IANA's name), or the machine's own where there is none; before any other thread runs."""
    if os.environ.pop(_OURS, None) is not None:
        os.environ.pop(_ZONE, None)
    if name is not None:
        os.environ[_ZONE] = f":{name}"
        os.environ[_OURS] = "1"
    time.tzset()


@dataclass(frozen=True, slots=True)
class Options:
    """What `wecall run` was told.

    Attributes:
        configuration: the file to run with.
        state_dir: where the encrypted store is.
        runtime_dir: where the local sockets go.
        simulated_devices: use those of `wecall simulator` in place of the Pi's pins.
        verbose: log more.
    """

    configuration: Path
    state_dir: Path
    runtime_dir: Path
    simulated_devices: bool = False
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class Early:
    """What is there before the rest is loaded.

    Attributes:
        loaded: the configuration.
        voice: listened for; it may have its settings already.
    """

    loaded: LoadedConfiguration
    voice: VoiceClient


def start_early(options: Options, door: Door | None = None) -> Early:
    """Read the configuration and let voice begin to register; at the `door` it has begun already, as nearly always."""
    logs.set_up(logging.DEBUG if options.verbose else logging.INFO)
    for folder in (options.state_dir, options.runtime_dir):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            _log.error("The folder %s cannot be made: %s", folder, error.strerror)
    loaded = load(options.configuration, options.state_dir)
    configuration = loaded.configuration
    use_zone(configuration.device.time_zone if configuration is not None else None)
    settings = voice_settings(configuration)
    packed = pack(settings)
    voice = VoiceClient(
        options.runtime_dir,
        packed,
        tuple(account.name for account in settings.sip.accounts) if settings.sip is not None else (),
        _emergency_uris(loaded),
        max_calls=settings.sip.max_calls if settings.sip is not None else 0,
        watched=settings.sip.watched if settings.sip is not None else (),
        paging=tuple(group.name for group in settings.paging),
    )
    voice.listen(_PATIENCE_S, door)
    if loaded.trial is None:
        keep(options.runtime_dir, options.configuration, packed)
    return Early(loaded, voice)


def _emergency_uris(loaded: LoadedConfiguration) -> Callable[[str], bool]:
    """Return what tells the URIs of emergency numbers from others."""
    if loaded.configuration is None:
        return lambda _uri: False
    plan = dial_plan(loaded.configuration)

    def is_emergency(uri: str) -> bool:
        match = _USER.match(uri)
        return match is not None and plan.is_emergency(unquote(match[1]))

    return is_emergency
