"""What the self-test of the hardware asks for: how loud the microphone is, and that what it found is kept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from contract.results import CheckCode
from firmware.base.durable import replace_durably
from firmware.base.errors import StorageError
from firmware.phone.requests.handset import KeepSelfTest, Loudness, PartTested, ReadLoudness
from firmware.services.runner import Handlers
from provisioning.report import HardwareCheck, HardwareTest

_log = logging.getLogger(__name__)

_NAME: Final = "hardware-test.json"
_LISTEN_S: Final = 0.3
"""Short enough to see one's own voice, long enough for a gap between two syllables."""

_CODES: Final = {True: CheckCode.OK, False: CheckCode.NOT_NOTICED, None: CheckCode.NOT_TRIED}


class SelfTestErrands:
    """Listens, and keeps what was found outside the store: a phone that nobody has set up has none."""

    def __init__(self, state_dir: Path, loudness: Callable[[], Awaitable[Loudness]]) -> None:
        """`loudness` tells how loud the microphone has been since it was asked last."""
        self._state_dir = state_dir
        self._loudness = loudness

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {ReadLoudness: self._listen, KeepSelfTest: self._keep}

    async def _listen(self, _request: ReadLoudness) -> Loudness:
        await asyncio.sleep(_LISTEN_S)
        return await self._loudness()

    async def _keep(self, request: KeepSelfTest) -> None:
        checks = tuple(_check(part) for part in request.parts)
        test = HardwareTest(tested_at=datetime.now(UTC), checks=checks)
        try:
            await asyncio.to_thread(replace_durably, self._state_dir / _NAME, test.model_dump_json().encode())
        except OSError as error:
            raise StorageError(f"The self-test cannot be kept in {self._state_dir}: {error.strerror}.") from error


def kept_self_test(state_dir: Path) -> HardwareTest | None:
    """Read what the last self-test found; None where nobody made one, or it cannot be read."""
    try:
        return HardwareTest.model_validate_json((state_dir / _NAME).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.warning("What the self-test found cannot be read; it is to be made again")
        return None


def _check(tested: PartTested) -> HardwareCheck:
    return HardwareCheck(
        passed=bool(tested.works), code=_CODES[tested.works], part=tested.part, keys=tuple(tested.missing)
    )
