import pytest

from contract.calls import CallDirection, DisconnectReason
from contract.consent import Purpose
from firmware.phone.events import Event, MissedCallsCounted
from firmware.phone.kept_text import Utterance
from firmware.phone.request import Request, Stretch
from firmware.phone.requests.calls import CallKind, ClearCalls, DeleteCall, ListCalls, LoggedCall, ReadCallText
from firmware.phone.requests.people import FindPeople, PeopleFound, Person
from firmware.services.calls import CallErrands
from tests.lab.store import StoreLab

IN, OUT = CallDirection.INCOMING, CallDirection.OUTGOING


class Log:
    def __init__(self, lab: StoreLab) -> None:
        self.posted: list[Event] = []
        self.language = "en"
        self._handlers = CallErrands(
            lab.call_log,
            attribute=lambda number: "Beijing" if number else "",
            language=lambda: self.language,
            post=self.posted.append,
        ).handlers

    async def do(self, request: Request[object]) -> object:
        return await self._handlers[type(request)](request)

    async def listed(self, kind: CallKind, first: int = 0, limit: int = 10) -> Stretch[LoggedCall]:
        answer = await self.do(ListCalls(kind, first, limit))
        assert isinstance(answer, Stretch)
        return answer


async def fill(lab: StoreLab) -> None:
    await lab.make_call("1001", OUT)
    await lab.make_call("1002", IN)
    await lab.make_call("1003", IN, answered=False, reason=DisconnectReason.CANCELLED)
    await lab.make_call("1004", IN, answered=False, reason=DisconnectReason.REJECTED)


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (CallKind.ALL, ["1004", "1003", "1002", "1001"]),
        (CallKind.MISSED, ["1003"]),
        (CallKind.RECEIVED, ["1002"]),
        (CallKind.DIALLED, ["1001"]),
    ],
)
async def test_calls_are_listed_by_kind_the_newest_first(lab: StoreLab, kind: CallKind, numbers: list[str]) -> None:
    await fill(lab)
    log = Log(lab)
    answer = await log.listed(kind)
    assert (answer.total, [call.number for call in answer.items]) == (len(numbers), numbers)


async def test_a_stretch_of_the_log_is_part_of_the_whole(lab: StoreLab) -> None:
    await fill(lab)
    answer = await Log(lab).listed(CallKind.ALL, 1, 2)
    assert (answer.first, answer.total, [call.number for call in answer.items]) == (1, 4, ["1003", "1002"])


async def test_a_call_has_its_contacts_name_its_place_and_its_time_in_the_displays_language(
    lab: StoreLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)
    ann = await lab.add_contact("Ann", ["1001"])
    await lab.make_call("1001", OUT)
    log = Log(lab)
    [call] = (await log.listed(CallKind.ALL)).items
    assert (call.name, call.contact_id, call.attribution, call.at, call.duration_s, call.answered) == (
        "Ann", ann, "Beijing", "1 Mar 10:00", 60, True,
    )  # fmt: skip
    log.language = "zh"
    assert (await log.listed(CallKind.ALL)).items[0].at == "3月1日 10:00"


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (CallKind.ALL, []),
        (CallKind.MISSED, ["1004", "1002", "1001"]),
        (CallKind.RECEIVED, ["1004", "1003", "1001"]),
        (CallKind.DIALLED, ["1004", "1003", "1002"]),
    ],
)
async def test_clearing_a_kind_forgets_its_calls_and_what_waits_about_them(
    lab: StoreLab, kind: CallKind, left: list[str]
) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await fill(lab)
    log = Log(lab)
    assert await log.do(ClearCalls(kind)) is None
    assert [call.number for call in (await log.listed(CallKind.ALL)).items] == left
    waiting = [message.payload["number"] for message in await lab.outbox.next_batch(50) if message.topic == "cdr"]
    assert waiting == left[::-1]


async def test_a_deleted_call_is_forgotten_and_counted_as_missed_no_more(lab: StoreLab) -> None:
    await lab.consents.grant(Purpose.CDR_SYNC)
    await fill(lab)
    log = Log(lab)
    [missed] = (await log.listed(CallKind.MISSED)).items
    await log.do(DeleteCall(missed.call_id))
    assert log.posted == [MissedCallsCounted(0)]
    assert (await log.listed(CallKind.ALL)).total == 3
    topics = [message.topic for message in await lab.outbox.next_batch(50)]
    assert topics.count("cdr") == 3


async def test_whose_numbers_are_and_who_is_called_most_is_found_in_the_log(lab: StoreLab) -> None:
    anna = await lab.add_contact("Anna", ["+861012345678"], picture="anna")
    for _ in range(3):
        await lab.make_call("+861012345678")
    found = await Log(lab).do(FindPeople(("010 1234 5678", "2999")))
    assert found == PeopleFound(
        known=(Person(anna, "Anna", "010 1234 5678", "anna"),), called=(Person(anna, "Anna", "+861012345678", "anna"),)
    )


async def test_a_call_that_is_not_over_stays(lab: StoreLab) -> None:
    call_id = await lab.open_call()
    log = Log(lab)
    await log.do(DeleteCall(call_id))
    await log.do(ClearCalls(CallKind.ALL))
    assert (await log.listed(CallKind.ALL)).total == 1


@pytest.mark.feature("real-time text")
async def test_what_is_kept_of_the_text_of_a_call_is_read(lab: StoreLab) -> None:
    call_id = await lab.make_call("1001", OUT)
    await lab.call_log.keep_text(call_id, "Hello\n", ours=False)
    assert await Log(lab).do(ReadCallText(call_id)) == (Utterance(ours=False, text="Hello"),)
