"""What a phone with a stick in it shows and asks, by itself: see `firmware.phone.modes.menu`."""

from firmware.base.words import Text, word
from firmware.phone.bundle_news import (
    AnswerBundleAddress,
    AnswerBundleSigner,
    BundleAddressShown,
    BundleCodeWanted,
    BundleEnded,
    BundleSignerShown,
    BundleStep,
    BundleStepStarted,
    TryBundleCode,
)
from firmware.phone.bundle_news_rows import answer, decline
from firmware.phone.bundle_phrases import STEPS, ending, result_title
from firmware.phone.dialled import show_on_hook
from firmware.phone.key import Key
from firmware.phone.menu.choices import CHOOSE
from firmware.phone.menu.entry import DELETE
from firmware.phone.menu.guardian import asking_who_answers
from firmware.phone.menu.question import NO, WHOSE_PHONE
from firmware.phone.menu.updates import UPDATES
from firmware.phone.menu_stack import Quiet
from firmware.phone.menu_views import EntryKind, EntryView, MenuView, NoticeView, SoftKeys
from firmware.phone.phrases import HINTS
from firmware.phone.state import DIGIT_KEYS, PhoneState
from firmware.phone.update_phrases import restart_sentence
from firmware.phone.updates import UpdateStage
from firmware.phone.view import Hint

CODE_DIGITS = 10
_GROUP = 5
_END = 4

_TITLE = word("Set-up")
_HIDE = word("Hide")
_YES = word("Accept")
_CALL = word("Call")
_TRIED = tuple(step for step in BundleStep if step not in {BundleStep.REVERTING, BundleStep.UPDATE})


class BundlePage(Quiet):
    """How far the bundle has come, what is asked because of it, and how it ended: whatever was heard last.

    A digit that answers nothing begins a number, and a code that is an emergency number is called.
    """

    is_public = True

    def __init__(self) -> None:
        self._digits = ""
        self._note: Text = ""
        self._scroll = 0

    @property
    def written(self) -> str:
        """The code so far."""
        return self._digits

    def view(self, state: PhoneState) -> MenuView:
        """Show it."""
        if state.update.stage is UpdateStage.RESTARTING:
            return NoticeView(UPDATES, restart_sentence(state.update))
        match state.bundle.news:
            case BundleAddressShown(address):
                keys = SoftKeys(NO, _YES)
                return NoticeView(word("Fetch from here?"), address, keys=keys, scroll=self._scroll, asks=True)
            case BundleSignerShown(words):
                text = self._note or " ".join(words)
                return NoticeView(word("On the sheet?"), text, keys=SoftKeys(NO, _YES), scroll=self._scroll, asks=True)
            case BundleCodeWanted() as wanted:
                return self._code_view(state, wanted)
            case BundleEnded() as ended:
                text = ending(ended, state.bundle.stick)
                return NoticeView(result_title(ended), text, keys=SoftKeys("", CHOOSE), scroll=self._scroll)
            case BundleStepStarted(step) as begun:
                keys = SoftKeys(_HIDE)
                return NoticeView(_TITLE, STEPS[step], percent=_percent(begun), keys=keys, scroll=self._scroll)
        return NoticeView(_TITLE, STEPS[BundleStep.ASKING])

    def open(self, _state: PhoneState) -> None:
        """Begin anew: nobody else is to finish what somebody has begun."""
        self.turn_back()

    def turn_back(self) -> None:
        """Show what was heard last from its beginning."""
        self._digits, self._note, self._scroll = "", "", 0

    def press(self, state: PhoneState, key: Key) -> None:
        """Answer, turn over, or begin a number."""
        match state.bundle.news:
            case BundleCodeWanted():
                self._press_code(state, key)
            case _ if key in {Key.VOLUME_UP, Key.VOLUME_DOWN}:
                self._scroll += -1 if key is Key.VOLUME_UP else 1
            case _ if key in DIGIT_KEYS:
                _begin_number(state, key.value)
            case BundleAddressShown() if key is Key.OK:
                answer(state, AnswerBundleAddress(accepted=True))
            case BundleSignerShown() if key is Key.OK:
                self._accept(state)
            case BundleEnded() if key is Key.OK:
                state.bundle.news = None

    def cancel(self, state: PhoneState) -> bool:
        """Say no, delete a digit, or put the page away; the phone takes it off the display."""
        match state.bundle.news:
            case BundleCodeWanted() if self._digits:
                self._digits = self._digits[:-1]
                self._note = ""
            case BundleAddressShown() | BundleSignerShown() | BundleCodeWanted():
                decline(state)
            case BundleEnded():
                state.bundle.news = None
            case _:
                state.bundle.put_away = True
        return True

    def number_to_call(self, state: PhoneState) -> str:
        """Call for help where that is what was typed."""
        return self._digits if self._is_emergency(state) else ""

    def _code_view(self, state: PhoneState, wanted: BundleCodeWanted) -> EntryView:
        keys = SoftKeys(DELETE if self._digits else NO, CHOOSE)
        note = self._note or _note(wanted, len(self._digits), state.settings.serial)
        if self._is_emergency(state):
            keys, note = SoftKeys(DELETE, _CALL), HINTS[Hint.EMERGENCY_NUMBER]
        # As it stands on the label.
        typed = f"{self._digits[:_GROUP]} {self._digits[_GROUP:]}".strip()
        return EntryView(word("Code"), typed, EntryKind.CODE, note=note, keys=keys)

    def _press_code(self, state: PhoneState, key: Key) -> None:
        if key.value.isdigit():
            self._digits = (self._digits + key.value)[:CODE_DIGITS]
            self._note = ""
        elif key is Key.OK and self._is_emergency(state):
            _begin_number(state, self._digits)
        elif key is Key.OK and len(self._digits) < CODE_DIGITS:
            # A code that was cut short is no try.
            self._note = word("The code has {count} digits.", count=CODE_DIGITS)
        elif key is Key.OK:
            code, self._digits = self._digits, ""
            answer(state, TryBundleCode(code))

    def _is_emergency(self, state: PhoneState) -> bool:
        return state.settings.dial_plan.reaches_emergency(self._digits)

    def _accept(self, state: PhoneState) -> None:
        """Trust the signer, once whoever answers for this phone has typed their PIN."""
        if not state.knows_its_holder and not state.features.store_waits:
            # A memory that cannot be read cannot say whose phone this is.
            self._note = WHOSE_PHONE
        else:
            asking_who_answers(_be_accepted)(state)


def _percent(begun: BundleStepStarted) -> int | None:
    """Return how far a bundle has come; nothing is known of how long a person or a call takes."""
    if begun.step in {BundleStep.ASKING, BundleStep.WAITING_FOR_CALL, BundleStep.REVERTING}:
        return None
    if begun.step is BundleStep.UPDATE:
        return begun.percent
    return 100 * (_TRIED.index(begun.step) + 1) // (len(_TRIED) + 1)


def _note(wanted: BundleCodeWanted, typed: int, serial: str) -> Text:
    """Say how much of the code is typed, and how the serial ends on the label that it stands on."""
    if wanted.wrong and not typed:
        return word("Wrong. Tries left: {count}", count=wanted.tries_left)
    return word("{typed} of {count}: label {end}", typed=typed, count=CODE_DIGITS, end=serial[-_END:])


def _begin_number(state: PhoneState, digits: str) -> None:
    if state.settings.line_usable:
        state.menu.close()
        show_on_hook(state, digits)


def _be_accepted(state: PhoneState) -> None:
    if isinstance(state.bundle.news, BundleSignerShown):
        answer(state, AnswerBundleSigner(accepted=True))
