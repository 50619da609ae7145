"""What the handset answers to `wecall config`: which bundles' configurations are kept, and going back."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from firmware.base.errors import ControlError
from firmware.configuration.standing import Standing
from firmware.control.admin_requests import ConfigHistoryRequest, ConfigRevertRequest
from firmware.control.requests import Answer
from firmware.control.server import Handler
from firmware.setup.bundles.service import BundleService


class KeptConfiguration(Answer):
    """One configuration that a bundle brought.

    Attributes:
        kept_at: since when it counts, or when it came to count.
        signer: the id of the key that signed the bundle.
        note: what the signer wrote for those who handle it.
    """

    number: int
    kept_at: str
    signer: str
    note: str


class ConfigHistory(Answer):
    """All that are kept.

    Attributes:
        active: the number of the one that counts; None where the configuration's file does.
        trial: the number of the one that is being tried.
        kept: what counts and what counted before, newest first.
        reverted: numbers that did not work or were taken back: they are refused until a higher one counts.
    """

    active: int | None
    trial: int | None
    kept: tuple[KeptConfiguration, ...]
    reverted: tuple[int, ...]


class GoingBack(Answer):
    """The handset tries the configuration of this number as soon as nobody calls."""

    number: int


class ConfigRole:
    """Answers the admin role's requests about configurations."""

    def __init__(self, service: Callable[[], BundleService | None]) -> None:
        """`service` takes bundles in; None where the handset's own keys cannot be used."""
        self._service = service

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {"config_history": self._history, "config_revert": self._revert}

    async def _history(self, _request: ConfigHistoryRequest) -> ConfigHistory:
        return _told(self._open_service().standing)

    async def _revert(self, _request: ConfigRevertRequest) -> GoingBack:
        return GoingBack(number=await self._open_service().go_back())

    def _open_service(self) -> BundleService:
        service = self._service()
        if service is None:
            raise ControlError("The handset's own keys cannot be used, so it takes no bundles. See its journal.")
        return service


def _told(standing: Standing) -> ConfigHistory:
    return ConfigHistory(
        active=standing.active,
        trial=standing.trial.number if standing.trial is not None else None,
        kept=tuple(
            KeptConfiguration(
                number=kept.number,
                kept_at=datetime.fromtimestamp(kept.kept_at, UTC).astimezone().isoformat(" ", "seconds"),
                signer=kept.signer,
                note=kept.note,
            )
            for kept in reversed(standing.kept)
        ),
        reverted=standing.reverted,
    )
