"""What the handset answers to its administrator: `wecall status`, `doctor` and `log`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from contract.calls import DisconnectReason
from firmware.base.errors import ControlError
from firmware.control.admin_requests import DoctorRequest, LogRequest, PageRequest, StatusRequest
from firmware.control.requests import Answer
from firmware.control.server import Handler
from firmware.phone.call import CallQuality
from firmware.phone.phrases import PROBLEMS
from firmware.phone.pin import stolen_card
from firmware.phone.view import PhoneView
from firmware.ports.broker import DailyTraffic, Traffic
from firmware.ports.store import CallLog, CallLogEntry
from firmware.services.doctor.findings import Condition, counting_words, examine, firmware_words


class LineStatus(Answer):
    """One account, without its name; `failure` is empty where there is none."""

    registration: str
    failure: str
    retry_in_s: int


class DayTraffic(Answer):
    """What went to the broker and came from it: TLS and all in it, without the headers of TCP and IP.

    Attributes:
        when: "today", "yesterday", or "average" of the whole days before today.
    """

    when: str
    sent_bytes: int
    received_bytes: int


class Status(Answer):
    """How the handset is, without anybody's number or name."""

    mode: str
    registration: str
    lines: tuple[LineStatus, ...]
    call: str | None
    microphone_open: bool
    problems: tuple[str, ...]
    missed_calls: int
    waiting_messages: int
    broker: str
    traffic: tuple[DayTraffic, ...]
    store: str
    stolen_card: str
    bundle: str
    updates: str


class PageLines(Answer):
    """What the display says, from the top, without anything about anybody."""

    lines: tuple[str, ...]


class FindingAnswer(Answer):
    """One part's condition, as firmware.services.doctor.findings.Finding."""

    part: str
    ok: bool
    detail: str
    advice: str


class Findings(Answer):
    """Every part's condition."""

    findings: tuple[FindingAnswer, ...]


class LoggedCall(Answer):
    """One line of the call log.

    Attributes:
        duration_s: how long was talked.
        answered: somebody took the call, however it ended.
        result: how it ended, in the words of call detail records (`DisconnectReason`); None while it goes on.
        decision: what the handset decided about the call by itself; empty where nothing.
        verification: what the server said of the caller's number; empty where nothing.
        sound: how it sounded; None where nothing was measured.
    """

    direction: str
    number: str
    name: str
    started_at: str
    duration_s: int
    answered: bool
    result: DisconnectReason | None
    decision: str
    verification: str
    sound: CallQuality | None


class LoggedCalls(Answer):
    """The latest calls, newest first."""

    calls: tuple[LoggedCall, ...]


class AdminRole:
    """Answers the admin role's requests from what the composition root lets it see."""

    def __init__(
        self,
        *,
        view: Callable[[], PhoneView],
        page_lines: Callable[[], tuple[str, ...]],
        condition: Callable[[], Awaitable[Condition]],
        own_condition: Callable[[], Awaitable[Condition]],
        call_log: Callable[[], CallLog | None],
    ) -> None:
        """Set up.

        Args:
            view: the phone's state.
            page_lines: what the display says.
            condition: asks voice how it is, which may not say.
            own_condition: asks nobody.
            call_log: None where there is no store.
        """
        self._view = view
        self._page_lines = page_lines
        self._condition = condition
        self._own_condition = own_condition
        self._call_log = call_log

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs for Role.ADMIN."""
        return {"status": self._status, "page": self._page, "doctor": self._doctor, "log": self._log}

    async def _status(self, _request: StatusRequest) -> Status:
        view, condition = self._view(), await self._own_condition()
        return Status(
            mode=view.mode,
            registration=view.registration,
            lines=tuple(
                LineStatus(
                    registration=line.state,
                    failure=line.failure or "",
                    retry_in_s=line.retry_in_s,
                )
                for line in view.lines
            ),
            call=view.call.state if view.call else None,
            microphone_open=view.microphone_open,
            problems=tuple(detail or PROBLEMS[problem].text for problem, detail in view.problems),
            missed_calls=view.missed_calls,
            waiting_messages=condition.waiting_messages,
            broker=condition.broker_state or "not configured",
            traffic=() if condition.traffic is None else _traffic(condition.traffic),
            store=_store_words(condition),
            stolen_card="" if condition.guards is None else stolen_card(condition.guards),
            bundle="" if condition.bundles is None else counting_words(condition.bundles),
            updates="" if condition.updates is None else firmware_words(condition.updates),
        )

    async def _page(self, _request: PageRequest) -> PageLines:
        return PageLines(lines=self._page_lines())

    async def _doctor(self, _request: DoctorRequest) -> Findings:
        findings = examine(await self._condition())
        return Findings(findings=tuple(FindingAnswer(**finding.as_dict()) for finding in findings))

    async def _log(self, request: LogRequest) -> LoggedCalls:
        call_log = self._call_log()
        if call_log is None:
            raise ControlError("The store cannot be used, so there is no call log. See wecall doctor.")
        return LoggedCalls(calls=_lines(await call_log.recent(request.limit)))


def _store_words(condition: Condition) -> str:
    if condition.store_opens_when:
        return f"closed until {condition.store_opens_when}"
    return "cannot be used" if condition.store_fault else "open"


def _traffic(daily: DailyTraffic) -> tuple[DayTraffic, ...]:
    def row(when: str, moved: Traffic) -> DayTraffic:
        return DayTraffic(when=when, sent_bytes=moved.sent_bytes, received_bytes=moved.received_bytes)

    rows = row("today", daily.today), row("yesterday", daily.yesterday), row("average", daily.average)
    return rows if daily.days else rows[:1]


def _lines(entries: Sequence[CallLogEntry]) -> tuple[LoggedCall, ...]:
    return tuple(
        LoggedCall(
            direction=entry.direction,
            number=entry.number,
            name=entry.name,
            started_at=datetime.fromtimestamp(entry.started_at, UTC).astimezone().isoformat(" ", "seconds"),
            duration_s=round(entry.ended_at - entry.answered_at) if entry.ended_at and entry.answered_at else 0,
            answered=entry.answered_at is not None,
            result=entry.reason,
            decision=entry.decision or "",
            verification=entry.verification or "",
            sound=entry.quality,
        )
        for entry in entries
    )
