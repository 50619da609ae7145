"""What the handset answers to `wecall update`: which version runs, what waits, and now or later."""

from collections.abc import Mapping

from firmware.control.admin_requests import UpdateNowRequest, UpdatePostponeRequest, UpdateStatusRequest
from firmware.control.requests import Answer, Empty
from firmware.control.server import Handler
from firmware.setup.update.service import UpdateService


class UpdateStatus(Answer):
    """How updates stand; empty where there is nothing to say.

    Attributes:
        runs: the version that runs.
        stage: how far the update is (`UpdateStage`).
        version: the update's.
        kind: why there is one.
        put_off_until: the day until which it was put off.
        may_be_put_off_until: the day until which it may be.
        code: what became of it, or of the last try (`OutcomeCode`).
    """

    runs: str
    stage: str
    version: str
    kind: str
    put_off_until: str
    may_be_put_off_until: str
    code: str


class UpdateRole:
    """Answers the admin role's requests about updates."""

    def __init__(self, service: UpdateService) -> None:
        self._service = service

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {"update_status": self._status, "update_now": self._now, "update_postpone": self._postpone}

    async def _status(self, _request: UpdateStatusRequest) -> UpdateStatus:
        told = self._service.told
        return UpdateStatus(
            runs=told.runs,
            stage=told.stage,
            version=told.version,
            kind=told.kind or "",
            put_off_until=told.until if told.is_put_off else "",
            may_be_put_off_until=told.until,
            code=told.code or "",
        )

    async def _now(self, _request: UpdateNowRequest) -> Empty:
        await self._service.come_now()
        return Empty()

    async def _postpone(self, _request: UpdatePostponeRequest) -> Empty:
        await self._service.postpone()
        return Empty()
