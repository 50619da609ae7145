"""The privacy policy: the one that counts, the one that is to come, and those of before."""

from firmware.base.words import Text, counted, word
from firmware.phone.menu.choices import Choice, Choices, Then
from firmware.phone.menu.question import Notice
from firmware.phone.menu.reading import Reading
from firmware.phone.request import Failed
from firmware.phone.requests.policies import ListPolicies, PolicyRead, PolicyRow, PolicyShown, PolicyState, ReadPolicy
from firmware.phone.state import PhoneState

PRIVACY_POLICY = word("Privacy policy")

_STATES: dict[PolicyState, Text] = {
    PolicyState.UNREAD: word("new"),
    PolicyState.IN_FORCE: word("current"),
    PolicyState.REPLACED: word("old"),
}


class PolicyPage(Reading):
    """One policy, with its version and date, how far it has come and what it asks again."""

    def __init__(self, version: str = "", then: Then | None = None) -> None:
        """Make the page.

        Args:
            version: which one; the newest where empty.
            then: what reading to the end leads to; None for the page before, with a word on when it takes effect.
        """
        super().__init__(word("Policy"), lambda: self._shown, self._be_done)
        self._version = version
        self._then = then
        self._read: PolicyRead | None = None
        self._shown: tuple[Text, ...] = ()
        self._is_done = False

    def open(self, state: PhoneState) -> None:
        """Ask for the text."""
        if self._read is None:
            state.ask(ReadPolicy(self._version), self._show, page=self)

    def _show(self, state: PhoneState, answer: PolicyRead | Failed) -> None:
        """Show the text, or why it cannot be read; where it was read to its end, say what follows."""
        match answer:
            case Failed(words):
                self._shown, self._read, self._is_done = (words,), None, False
                self._go_to(0)
            case PolicyRead(policy) if self._is_done:
                self._leave(state, policy)
            case PolicyRead(policy):
                self._read, self._version = answer, policy.version
                self._shown = self._pages_of(answer)

    def _pages_of(self, read: PolicyRead) -> tuple[Text, ...]:
        return (*_head(read), *read.paragraphs)

    def _be_done(self, state: PhoneState) -> None:
        if self._is_done:
            return
        if self._read is not None and self._read.policy.state is PolicyState.UNREAD:
            self._is_done = True
            state.ask(PolicyShown(self._version), self._show, page=self)
        else:
            self._leave(state, None)

    def _leave(self, state: PhoneState, policy: PolicyRow | None) -> None:
        if self._then is not None:
            self._then(state)
        elif policy is not None and policy.state is PolicyState.WAITING and state.menu.top is self:
            state.menu.replace(state, Notice(PRIVACY_POLICY, _coming(policy.days_left)))
        else:
            state.menu.drop(state, self)


class PolicyList(Choices):
    """Every policy that is kept, newest first."""

    def __init__(self) -> None:
        self._policies: tuple[PolicyRow, ...] = ()
        super().__init__(PRIVACY_POLICY, lambda _state: list(map(_choice, self._policies)), empty=word("No policy."))

    def open(self, state: PhoneState) -> None:
        """Read which there are."""
        state.ask(ListPolicies(), self._show, page=self)

    def _show(self, _state: PhoneState, policies: tuple[PolicyRow, ...] | Failed) -> None:
        if not isinstance(policies, Failed):
            self._policies = policies


def policies_page(_state: PhoneState) -> PolicyList:
    """Make the page that lists the policies."""
    return PolicyList()


def newest_policy_page(_state: PhoneState) -> PolicyPage:
    """Make the page with the newest policy."""
    return PolicyPage()


def _choice(policy: PolicyRow) -> Choice:
    state = _STATES.get(policy.state, word("in {days} d", days=policy.days_left))
    return Choice(policy.version, lambda phone: phone.menu.push(phone, PolicyPage(policy.version)), state)


def _head(read: PolicyRead) -> tuple[Text, ...]:
    policy = read.policy
    version = word("Version {version}.", version=policy.version)
    if policy.date != policy.version:
        version = word("Version {version}, written on {date}.", version=policy.version, date=policy.date)
    match policy.state:
        case PolicyState.UNREAD:
            state: Text = word("It is new. Please read it.")
        case PolicyState.WAITING:
            state = _coming(policy.days_left)
        case PolicyState.IN_FORCE:
            state = word("It is in force.")
        case PolicyState.REPLACED:
            state = word("Another one has replaced it.")
    asks = (word("You will be asked again: {names}.", names=", ".join(read.asked_again)),) if read.asked_again else ()
    return (word("{first} {second}", first=version, second=state), *asks)


def _coming(days: int) -> Text:
    return counted("It takes effect in {count} day.", "It takes effect in {count} days.", days)
