from fractions import Fraction
from pathlib import Path
from typing import Final

import pytest

from contract.results import OutcomeCode
from fleet.errors import FleetError
from fleet.publications import Publication, PublicationKind
from fleet.publisher.record import Plan, Record, RecordFolder
from fleet.publisher.roll_out import StopReason

MESSAGE: Final = "ab" * 32


def plan(message: str = MESSAGE, at: str = "2026-03-01T12:00:00.000Z") -> Plan:
    publication = Publication(kind=PublicationKind.POLICY, name="2026-03-01", message=message, published_at=at)
    return Plan(fleet="hotel", publication=publication, stages=(("a",), ("b", "c")), max_failures=str(Fraction("0.5")))


def found(folder: RecordFolder) -> Record:
    record = folder.find(MESSAGE)
    assert record is not None
    return record


@pytest.fixture
def folder(tmp_path: Path) -> RecordFolder:
    return RecordFolder(tmp_path / "publications")


def test_there_is_no_record_of_what_was_never_begun(folder: RecordFolder) -> None:
    assert folder.find(MESSAGE) is None
    assert list(folder.all()) == []


def test_what_was_noted_is_there_again(folder: RecordFolder) -> None:
    with folder.begin(plan()) as record:
        record.note_sent({"a": True})
        record.note_outcomes([("a", OutcomeCode.BUSY), ("a", OutcomeCode.TAKEN), ("stranger", OutcomeCode.TAKEN)])
        record.roll_out.next_step()
        record.note_passed()
        record.note_sent({"b": False})
        record.note_stopped(StopReason.NOBODY)
    with found(folder) as record:
        assert record.plan == plan()
        assert record.roll_out.max_failures == Fraction(1, 2)
        assert record.roll_out.passed == 1
        assert record.roll_out.sent == {"a": True, "b": False}
        assert record.roll_out.codes == {"a": OutcomeCode.TAKEN}
        assert record.stopped is StopReason.NOBODY
        record.excuse()
        record.note_withdrawn(["a"])
    with found(folder) as record:
        assert record.stopped is None
        assert record.roll_out.excused == {"b"}
        assert record.withdrawn == {"a"}
        assert not record.is_done


def test_others_are_added_behind_those_that_there_are(folder: RecordFolder) -> None:
    with folder.begin(plan()) as record:
        record.extend([["d"], ["e", "f"]])
        record.note_sent({"d": True})
        record.note_outcomes([("d", OutcomeCode.TAKEN)])
    with found(folder) as record:
        assert record.roll_out.stages == (("a",), ("b", "c"), ("d",), ("e", "f"))
        assert record.roll_out.codes == {"d": OutcomeCode.TAKEN}


def test_who_has_said_nothing_can_have_it_again_in_its_stage_or_behind_the_last(folder: RecordFolder) -> None:
    with folder.begin(plan()) as record:
        record.note_sent({"a": True})
        record.excuse()
        record.roll_out.passed = 1
        record.note_passed()
        record.note_sent({"b": True, "c": True})
        record.note_outcomes([("b", OutcomeCode.TAKEN)])
        assert record.unheard == ("a", "c")
        record.send_again(record.unheard)
    with found(folder) as record:
        assert record.roll_out.sent == {"b": True}
        assert record.roll_out.unsent == ["c"]
        assert record.roll_out.stages == (("a",), ("b", "c"), ("a",))
        assert record.roll_out.devices == {"a", "b", "c"}


def test_a_line_that_was_cut_short_is_as_if_it_had_never_been_begun(folder: RecordFolder, tmp_path: Path) -> None:
    with folder.begin(plan()) as record:
        record.note_sent({"a": True})
    (path,) = (tmp_path / "publications").glob("*.rollout")
    whole = path.read_bytes()
    with found(folder) as record:
        record.note_sent({"b": True})
    longer = path.read_bytes()
    for length in range(len(whole), len(longer)):
        path.write_bytes(longer[:length])
        with found(folder) as record:
            assert record.roll_out.sent == {"a": True}
            record.note_sent({"c": False})
        with found(folder) as record:
            assert record.roll_out.sent == {"a": True, "c": False}


def test_a_record_that_is_damaged_is_refused_in_words(folder: RecordFolder, tmp_path: Path) -> None:
    folder.begin(plan()).__exit__()
    (path,) = (tmp_path / "publications").glob("*.rollout")
    path.write_bytes(path.read_bytes() + b'{"sent": 7}\n')
    with pytest.raises(FleetError, match="damaged"):
        folder.find(MESSAGE)
    path.write_bytes(b"nonsense\n")
    with pytest.raises(FleetError, match="damaged"):
        list(folder.all())


def test_records_are_listed_by_when_they_began_and_say_whether_all_is_done(folder: RecordFolder) -> None:
    folder.begin(plan("cd" * 32, "2026-03-02T12:00:00.000Z")).__exit__()
    folder.begin(plan()).__exit__()
    assert [record.message[:2] for record in folder.all()] == ["ab", "cd"]
    assert not folder.all_are_done()


def test_a_second_command_of_the_same_operator_is_kept_away(folder: RecordFolder) -> None:
    with folder.locked("operator.anna"):
        with pytest.raises(FleetError, match="at work"), folder.locked("operator.anna"):
            pass
        with folder.locked("operator.ben"):
            pass
    with folder.locked("operator.anna"):
        pass


def site(at: str, *, desk_1: str = "1" * 64) -> Plan:
    messages = {"desk-1": desk_1, "desk-2": "2" * 64}
    publication = Publication(kind=PublicationKind.BUNDLE, name="7", message=desk_1[:1] + "f" * 63, published_at=at)
    return Plan(
        fleet="hotel", publication=publication, stages=(("desk-1", "desk-2"),), max_failures="5", messages=messages
    )


def test_a_site_is_found_by_the_message_of_each_of_its_handsets_and_the_last_one_that_brings_it(
    folder: RecordFolder,
) -> None:
    older, newer = site("2026-03-01T12:00:00.000Z"), site("2026-03-02T12:00:00.000Z", desk_1="3" * 64)
    for each in (newer, older, plan()):
        folder.begin(each).__exit__()
    for message, brings in (("1" * 64, older), ("3" * 64, newer), ("2" * 64, newer), (MESSAGE, plan())):
        record = folder.that_brings(message)
        assert record is not None
        with record:
            assert record.plan == brings
    assert folder.that_brings("9" * 64) is None
    assert older.brings("hotel", "desk-1", "1" * 64)
    assert not older.brings("hotel", "desk-2", "1" * 64)
    assert not older.brings("other", "desk-1", "1" * 64)
    assert older.title == "site 7"


def test_who_has_taken_their_own_is_known_whatever_brought_it_and_nothing_is_displaced_for_them(
    folder: RecordFolder,
) -> None:
    older, newer = site("2026-03-01T12:00:00.000Z"), site("2026-03-02T12:00:00.000Z", desk_1="3" * 64)
    with folder.begin(older) as record:
        record.note_sent({"desk-1": True, "desk-2": True})
        assert folder.have_taken("hotel", newer.messages) == set()
        with folder.begin(newer) as later:
            assert list(folder.displaced_by(later)) == [(older, 1)]
        record.note_outcomes([("desk-1", OutcomeCode.APPLIED), ("desk-2", OutcomeCode.APPLIED)])
    assert folder.have_taken("hotel", newer.messages) == {"desk-2"}
    assert folder.have_taken("other", newer.messages) == set()
