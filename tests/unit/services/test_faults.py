from contract.consent import Purpose
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised
from firmware.phone.requests.consents import ConsentsChanged
from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.privacy.consent import ConsentState, Damage, DamageFound, LedgerHead, PurposeConsent
from firmware.services.faults import DeviceFaults, Faults


def test_of_a_store_that_is_full_and_not_unreadable_the_phone_hears_both() -> None:
    told: list[object] = []
    faults = Faults(told.append)
    faults.note_store(Problem.STORE_FULL, "The card is full.")
    assert told == [ProblemCleared(Problem.STORE_UNREADABLE), ProblemRaised(Problem.STORE_FULL, "The card is full.")]
    assert faults.store == "The card is full."


def test_a_store_that_is_well_again_has_no_fault_left() -> None:
    told: list[object] = []
    faults = Faults(told.append)
    faults.note_store(Problem.STORE_UNREADABLE, "The card cannot be read.")
    told.clear()
    faults.note_store(None, "")
    assert told == [ProblemCleared(Problem.STORE_UNREADABLE), ProblemCleared(Problem.STORE_FULL)]
    assert faults.store is None


def test_files_that_cannot_be_deleted_are_a_problem_until_they_are() -> None:
    told: list[object] = []
    faults = Faults(told.append)
    faults.note_files("Files cannot be deleted.")
    assert (faults.files, told) == (
        "Files cannot be deleted.",
        [ProblemRaised(Problem.FILES_LEFT, "Files cannot be deleted.")],
    )
    told.clear()
    faults.note_files("")
    assert (faults.files, told) == ("", [ProblemCleared(Problem.FILES_LEFT)])


def test_while_sync_tries_the_broker_again_what_was_wrong_stays_on_the_display() -> None:
    told: list[object] = []
    faults = Faults(told.append)
    faults.note_broker(BrokerState.UNREACHABLE, BrokerProblem.TIMED_OUT)
    told.clear()
    faults.note_broker(BrokerState.CONNECTING, BrokerProblem.NONE)
    assert told == []
    faults.note_broker(BrokerState.CONNECTED, BrokerProblem.NONE)
    assert told == [ProblemCleared(Problem.BROKER_REFUSED), ProblemCleared(Problem.BROKER_UNREACHABLE)]
    assert faults.broker == (BrokerState.CONNECTED, BrokerProblem.NONE)


def test_a_device_that_fails_is_a_sentence_told_once_and_the_rest_goes_on() -> None:
    changes: list[dict[str, str]] = []
    faults = DeviceFaults(lambda: changes.append(faults.sentences))

    def fail() -> None:
        raise OSError("There is no keypad.")

    assert not faults.attempt("keypad", fail)
    assert not faults.attempt("keypad", fail)
    assert faults.attempt("ringer", lambda: None)
    assert changes == [{"keypad": "There is no keypad."}]


def test_the_phone_hears_what_was_never_answered_and_of_a_damaged_ledger_nothing_of_that_kind() -> None:
    posted: list[object] = []
    faults = Faults(posted.append)
    faults.note_consents(ConsentState(None, LedgerHead(), dict.fromkeys(Purpose, PurposeConsent())))
    faults.note_consents(ConsentState.broken(LedgerHead(), DamageFound(1, Damage.CUT)))
    told = [event.unasked for event in posted if isinstance(event, ConsentsChanged)]
    assert told == [frozenset(Purpose), frozenset()]
