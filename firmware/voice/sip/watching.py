"""The phones that are watched: subscriptions to their calls at the default account's server (RFC 4235).

A server that knows no such event is asked for their presence (RFC 3856), which tells less of calls.

Lives on the `sip` thread. Only what the configuration names is watched, and nothing of this phone is told to anybody.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, Final, Protocol

import pjsua2

from firmware.phone.news import Watched, WatchedPhoneChanged
from firmware.voice.sip.account import SipAccount
from firmware.voice.sip.dialog_info import MOST_DIALOGS, overall, read_dialog_info
from firmware.voice.sip.gate import NEVER_SUBSCRIBED
from firmware.voice.sip.native import guarded
from firmware.voice.sip.presence import read_presence
from firmware.voice.sip.scheduler import Appointment, Scheduler
from firmware.voice.sip.settings import SipSettings

_log = logging.getLogger(__name__)

_REFUSED_S: Final = 3600.0
_RETRY_S: Final = 60.0
_BAD_EVENT: Final = 489  # RFC 6665 section 8.3.2
_NEVER_AGAIN: Final = frozenset({"rejected", "noresource"})  # RFC 6665 section 4.1.3


class _Ended(Protocol):
    def __call__(self, subscription: "_Subscription", *, is_refused: bool, is_event_known: bool = True) -> None:
        """Hear that a subscription is over, and whether the server would refuse another one, and knows its event."""


class _Subscription(pjsua2.Buddy):  # type: ignore[misc]  # pjsua2 has no types
    """One subscription from its SUBSCRIBE to its end; the library renews it."""

    def __init__(self, told: Callable[[str], None], ended: "_Ended") -> None:
        """Set up without asking.

        Args:
            told: hears each NOTIFY, as it came.
            ended: hears that it is over.
        """
        super().__init__()
        self._told = told
        self._ended = ended

    def begin(self, account: SipAccount, uri: str, *, of_presence: bool) -> None:
        """Send SUBSCRIBE.

        Args:
            account: who asks.
            uri: whom it is about.
            of_presence: ask for their presence in place of their calls.

        Raises:
            pjsua2.Error: the library does not take it.
        """
        configuration = pjsua2.BuddyConfig()
        configuration.uri = uri
        self.create(account, configuration)
        (self.subscribePresence if of_presence else self.subscribeDlgEvent)(True)
        if self.getInfo().subState == pjsua2.PJSIP_EVSUB_STATE_NULL:
            # It could not be sent, and no callback says so.
            self._ended(self, is_refused=False)

    @guarded
    def onBuddyEvSubDlgEventState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Hear a NOTIFY of calls, or that the subscription is over."""
        self._hear(parameters)

    @guarded
    def onBuddyEvSubState(self, parameters: Any) -> None:  # noqa: N802 - pjsua2's name
        """Hear a NOTIFY of presence, or that the subscription is over."""
        self._hear(parameters)

    def _hear(self, parameters: Any) -> None:
        event = parameters.e
        if event.type == pjsua2.PJSIP_EVENT_TSX_STATE and event.body.tsxState.type == pjsua2.PJSIP_EVENT_RX_MSG:
            message = str(event.body.tsxState.src.rdata.wholeMsg)
            if message.startswith("NOTIFY "):
                self._told(message)
        information = self.getInfo()
        if information.subState == pjsua2.PJSIP_EVSUB_STATE_TERMINATED:
            code = information.subTermCode
            is_refused = code in NEVER_SUBSCRIBED or str(information.subTermReason) in _NEVER_AGAIN
            self._ended(self, is_refused=is_refused, is_event_known=code != _BAD_EVENT)


class _WatchedPhone:
    """One number: whether it is asked about, and what has been said of it."""

    def __init__(
        self, number: str, uri: str, scheduler: Scheduler, post: Callable[[WatchedPhoneChanged], None]
    ) -> None:
        self._number = number
        self._uri = uri
        self._scheduler = scheduler
        self._post = post
        self._account: SipAccount | None = None
        self._subscription: _Subscription | None = None
        self._dialogs: dict[str, Watched] = {}
        self._state = Watched.UNKNOWN
        self._again: Appointment | None = None
        self._refused_until_s = 0.0
        self._of_presence = False
        self._retry_s = _RETRY_S

    def begin(self, account: SipAccount) -> None:
        """Ask about it anew: what was asked before is taken back."""
        self.end()
        self._account, self._retry_s = account, _RETRY_S
        self._ask_in(max(0.0, self._refused_until_s - self._scheduler.now_s()))

    def lose(self) -> None:
        """Know nothing of it, while there is no line."""
        self._account = None
        self._tell(Watched.UNKNOWN)

    def end(self) -> None:
        """Ask no more."""
        self._account = None
        if self._again is not None:
            self._again.cancel()
            self._again = None
        # Its destructor takes the subscription back.
        self._subscription = None
        self._dialogs.clear()
        self._tell(Watched.UNKNOWN)

    def _ask_in(self, delay_s: float) -> None:
        self._again = self._scheduler.after(delay_s, self._ask)

    def _ask(self) -> None:
        self._again = None
        if self._account is None:
            return
        self._subscription = subscription = _Subscription(self._hear, self._over)
        try:
            subscription.begin(self._account, self._uri, of_presence=self._of_presence)
        except pjsua2.Error as error:
            _log.warning("A phone cannot be watched: %s.", error.reason)
            self._over(subscription, is_refused=False)

    def _hear(self, message: str) -> None:
        body = re.split(r"\r?\n\r?\n", message, maxsplit=1)[-1]
        if not self._of_presence:
            self._hear_of_calls(body)
        elif (state := read_presence(body)) is not None:
            self._retry_s = _RETRY_S
            self._tell(state)

    def _hear_of_calls(self, body: str) -> None:
        information = read_dialog_info(body)
        if information is None:
            return
        self._retry_s = _RETRY_S
        known = {} if information.is_full else self._dialogs
        now = {**known, **information.dialogs}
        self._dialogs = dict([each for each in now.items() if each[1] is not Watched.FREE][-MOST_DIALOGS:])
        self._tell(overall(self._dialogs.values()))

    def _over(self, subscription: _Subscription, *, is_refused: bool, is_event_known: bool = True) -> None:
        # Once the callback has returned: the library is still busy with it.
        self._scheduler.after(
            0, lambda: self._try_later(subscription, is_refused=is_refused, is_event_known=is_event_known)
        )

    def _try_later(self, subscription: _Subscription, *, is_refused: bool, is_event_known: bool) -> None:
        if subscription is not self._subscription:
            return
        account, wait_s = self._account, self._retry_s
        self.end()
        self._of_presence = not is_event_known and not self._of_presence
        if self._of_presence:
            wait_s = 0.0
        elif is_refused:
            _log.info("The server lets one of the phones not be watched; it is asked again in an hour.")
            wait_s = _REFUSED_S
            self._refused_until_s = self._scheduler.now_s() + wait_s
        if account is not None:
            self._account, self._retry_s = account, min(2 * self._retry_s, _REFUSED_S)
            self._ask_in(wait_s)

    def _tell(self, state: Watched) -> None:
        if state is not self._state:
            self._state = state
            self._post(WatchedPhoneChanged(self._number, state))


class WatchedPhones:
    """All that are watched, while the default account is registered."""

    def __init__(
        self, settings: SipSettings, scheduler: Scheduler, post: Callable[[WatchedPhoneChanged], None]
    ) -> None:
        """Set up without asking about any.

        Args:
            settings: name them.
            scheduler: the thread's timers.
            post: takes what the phone should know.
        """
        domain = settings.account.domain
        self._phones = tuple(
            _WatchedPhone(number, f"sip:{number}@{domain}", scheduler, post) for number in settings.watched
        )

    def follow(self, account: SipAccount | None) -> None:
        """Ask about each of them by an account that has just been registered; know nothing without one."""
        for phone in self._phones:
            if account is not None:
                phone.begin(account)
            else:
                phone.lose()

    def close(self) -> None:
        """Ask no more, before the library is destroyed."""
        for phone in self._phones:
            phone.end()
