"""What does not work: the phone says so on its display, and `doctor` can ask later."""

import logging
from collections.abc import Callable

from firmware.phone.events import Event
from firmware.phone.news import Problem, ProblemCleared, ProblemRaised
from firmware.phone.requests.consents import ConsentsChanged
from firmware.ports.broker import BrokerProblem, BrokerState
from firmware.privacy.consent import ConsentState, damage_words

_log = logging.getLogger(__name__)


class Faults:
    """Hears what the store, the ledger and the broker have to say. Every method belongs to the main thread.

    Attributes:
        store: why the store cannot be used, None where it can.
        ledger: where the consent ledger does not verify, empty where it does.
        files: why files of the exchange folder that were to be erased are still there, empty where none are.
        broker: how things stand with it, and why; None before anybody has said so.
    """

    def __init__(self, post: Callable[[Event], None]) -> None:
        """`post` tells the phone."""
        self._post = post
        self.store: str | None = None
        self.ledger = ""
        self.files = ""
        self.broker: tuple[BrokerState, BrokerProblem] | None = None

    def note_store(self, problem: Problem | None, sentence: str) -> None:
        """Hear what is wrong with the store; None where all is well again."""
        self.store = sentence or None
        self._clear_all_but(problem, Problem.STORE_UNREADABLE, Problem.STORE_FULL)
        if problem is not None:
            self._post(ProblemRaised(problem, sentence))

    def note_consents(self, state: ConsentState) -> None:
        """Hear what the holder agrees to, and whether the ledger that says so can be believed."""
        self.ledger = "" if state.damage is None else damage_words(state.damage)
        self._post(
            ConsentsChanged(
                state.all_granted, state.activated, state.age_band, state.all_lapsed, unasked=state.all_unasked
            )
        )
        if self.ledger:
            self._post(ProblemRaised(Problem.LEDGER_DAMAGED, self.ledger))
        else:
            self._post(ProblemCleared(Problem.LEDGER_DAMAGED))

    def note_files(self, sentence: str) -> None:
        """Hear why files for import cannot be deleted; empty where they are."""
        self.files = sentence
        if sentence:
            _log.warning("%s", sentence)
            self._post(ProblemRaised(Problem.FILES_LEFT, sentence))
        else:
            self._post(ProblemCleared(Problem.FILES_LEFT))

    def note_broker(self, state: BrokerState, problem: BrokerProblem) -> None:
        """Hear how the sync process stands with the broker."""
        self.broker = (state, problem)
        raised = {
            BrokerState.REFUSED: Problem.BROKER_REFUSED,
            BrokerState.UNREACHABLE: Problem.BROKER_UNREACHABLE,
        }.get(state)
        if state is not BrokerState.CONNECTING:
            self._clear_all_but(raised, Problem.BROKER_REFUSED, Problem.BROKER_UNREACHABLE)
        if raised is not None:
            self._post(ProblemRaised(raised))

    def _clear_all_but(self, raised: Problem | None, *problems: Problem) -> None:
        for problem in problems:
            if problem is not raised:
                self._post(ProblemCleared(problem))


class DeviceFaults:
    """Knows which devices do not work; one that fails is a sentence, and the rest goes on. From any thread."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        """`on_change` is called, on whichever thread, when `sentences` has changed."""
        self._on_change = on_change
        self.sentences: dict[str, str] = {}

    def note(self, part: str, sentence: str) -> None:
        """Remember that a part does not work."""
        if self.sentences.get(part) != sentence:
            _log.warning("The %s does not work: %s", part, sentence)
            self.sentences = self.sentences | {part: sentence}
            self._on_change()

    def forget(self, part: str) -> None:
        """Remember that a part works again."""
        if part in self.sentences:
            _log.info("The %s works again.", part)
            self.sentences = {name: sentence for name, sentence in self.sentences.items() if name != part}
            self._on_change()

    def attempt(self, part: str, action: Callable[[], None]) -> bool:
        """Do something with a device; return whether it worked."""
        try:
            action()
        except OSError as error:
            self.note(part, str(error))
            return False
        return True
