"""What the menu key shows: the lines, how calls sounded, the text messages, and what is switched on."""

from dataclasses import replace

from firmware.phone.call import TextMessage
from firmware.phone.commands import DeleteMessage, MarkMessagesRead
from firmware.phone.events import Event, Key, KeyPressed, KeyRepeated, Timer
from firmware.phone.state import PhoneState
from firmware.phone.view import InfoPage

SHOWN_S = 60.0
"""Long enough to read a text message; every key begins it anew."""

_PAGES = tuple(InfoPage)


def show_next_page(state: PhoneState, _event: Event) -> None:
    """Show the next page; after the last one, none."""
    page = state.features.info
    following = _PAGES[_PAGES.index(page) + 1 :] if page is not None else _PAGES
    if following:
        _show(state, following[0])
    else:
        leave(state)


def show_call_quality(state: PhoneState, _event: Event) -> None:
    """Show how the running call sounds, or stop showing it."""
    if state.features.info is None:
        _show(state, InfoPage.QUALITY)
    else:
        leave(state)


def leave(state: PhoneState) -> None:
    """Show what the phone is doing again."""
    state.features.info = None
    state.cancel_timer(Timer.INFO)


def step(state: PhoneState, event: KeyPressed | KeyRepeated) -> None:
    """Go to the entry before or after the one that is shown; the ends meet."""
    entries = _entries(state)
    if entries:
        back = event.key is Key.VOLUME_UP
        state.features.info_step = (state.features.info_step + (-1 if back else 1)) % entries
    state.start_timer(Timer.INFO, SHOWN_S)


def delete_message(state: PhoneState) -> None:
    """Forget the text message that is shown."""
    features, doomed = state.features, shown_message(state)
    if doomed is None:
        return
    features.messages = tuple(message for message in features.messages if message is not doomed)
    features.info_step = min(features.info_step, max(0, len(features.messages) - 1))
    state.emit(DeleteMessage(doomed.message_id))
    state.start_timer(Timer.INFO, SHOWN_S)


def shown_message(state: PhoneState) -> TextMessage | None:
    """Return the text message that is shown, None where none is."""
    features = state.features
    if features.info is not InfoPage.MESSAGES or not features.messages:
        return None
    return features.messages[features.info_step % len(features.messages)]


def _show(state: PhoneState, page: InfoPage) -> None:
    state.features.info = page
    state.features.info_step = 0
    state.details_step = 0
    state.start_timer(Timer.INFO, SHOWN_S)
    if page is InfoPage.MESSAGES and state.features.unread_messages:
        state.features.messages = tuple(replace(message, read=True) for message in state.features.messages)
        state.emit(MarkMessagesRead())


def _entries(state: PhoneState) -> int:
    match state.features.info:
        case InfoPage.LINES:
            return len(state.settings.accounts)
        case InfoPage.QUALITY:
            return len(state.features.qualities)
        case InfoPage.MESSAGES:
            return len(state.features.messages)
        case _:
            return 1 + len(state.features.features_on)
