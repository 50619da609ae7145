"""Which page shows which state of the phone."""

from dataclasses import replace

from firmware.base.words import word
from firmware.display.model import Block, Page, Role, StatusBar
from firmware.display.pages.blocks import sentence
from firmware.display.pages.calls import (
    call_blocks,
    call_keys,
    call_title,
    is_urgent,
    party_words,
    waiting_blocks,
    waiting_keys,
)
from firmware.display.pages.dialling import (
    dialling_body,
    dialling_keys,
    dialling_title,
    writing_body,
    writing_keys,
    writing_title,
)
from firmware.display.pages.faults import details
from firmware.display.pages.idle import hint_blocks, idle_blocks, idle_keys, unprovisioned_blocks
from firmware.display.pages.locked import without_anything_personal
from firmware.display.pages.menus import menu_body
from firmware.display.pages.sound import sound_blocks
from firmware.display.pages.status import status_bar
from firmware.display.translation import Language, Translator, translator
from firmware.phone.menu.views import CardView, MenuView, NoticeView, SoftKeys
from firmware.phone.view import Mode, PhoneView


def page_for(view: PhoneView, language: str, clock: str = "") -> Page:
    """Return the page for a state of the phone.

    Args:
        view: the phone's state.
        language: the configuration's, `en` or `zh`; the holder's own choice comes before it.
        clock: the time of day, which the phone itself does not know; empty where the clock is not set.
    """
    if view.locked:
        view = without_anything_personal(view)
    into = translator(Language(view.look.language or language))
    page = _page(view, into, clock)
    return replace(
        page,
        # Where the holder wants to see a ring, its page turns over and over.
        is_urgent=is_urgent(view) if view.flash is None else view.flash,
        large_text=view.look.large_text,
        high_contrast=view.look.high_contrast,
    )


def _page(view: PhoneView, into: Translator, clock: str) -> Page:
    say = into.say
    status = status_bar(view, clock)
    if view.volume_percent is not None:
        return _volume(view, into, clock)
    if view.sound_shown and view.call is not None and view.call.quality is not None:
        title = "" if view.locked else say(party_words(view.call))
        return _with_keys(Page(status, sound_blocks(view.call.quality, into), title), call_keys(view, view.call), into)
    if view.call is not None:
        body = call_blocks(view, view.call, into)
        page = Page(status, body, say(call_title(view, view.call)), picture=view.call.picture)
        return _with_keys(page, call_keys(view, view.call), into)
    match view.mode:
        case Mode.WRITING:
            return _with_keys(Page(status, writing_body(view), writing_title(view, into)), writing_keys(view), into)
        case Mode.COLLECTING_DIGITS:
            page = Page(status, dialling_body(view, into), dialling_title(view, into))
            return _with_keys(page, dialling_keys(view), into)
        case Mode.LISTENING if view.other_calls:
            return _with_keys(Page(status, waiting_blocks(view, into)), waiting_keys(), into)
        case Mode.MENU | Mode.LISTENING if view.hint is not None:
            return Page(status, hint_blocks(view, view.hint, into))
        case Mode.MENU | Mode.LISTENING if view.menu is not None:
            return _menu(view.menu, status, into)
    return _with_keys(_at_rest(view, into, clock), idle_keys(view), into)


def _at_rest(view: PhoneView, into: Translator, clock: str) -> Page:
    if view.details_step and (card := details(view, into)) is not None:
        return Page(status_bar(view, clock), card)
    if view.mode is Mode.UNPROVISIONED:
        return Page(status_bar(view, clock), unprovisioned_blocks(view, into), into.say(word("Not set up")))
    blocks = idle_blocks(view, into, clock)
    # The time of day is shown once.
    is_large = any(block.role is Role.CLOCK for block in blocks)
    title = into.say(word("Locked")) if view.locked else ""
    return Page(status_bar(view, "" if is_large else clock), blocks, title, picture=view.look.background)


def _menu(menu: MenuView, status: StatusBar, into: Translator) -> Page:
    page = Page(
        status,
        menu_body(menu, into),
        into.say(menu.title),
        scroll=menu.scroll if isinstance(menu, NoticeView) else None,
        bar_percent=menu.percent if isinstance(menu, NoticeView) else None,
        picture=menu.picture if isinstance(menu, CardView) else "",
    )
    return _with_keys(page, menu.keys, into)


def _volume(view: PhoneView, into: Translator, clock: str) -> Page:
    """Show how loud it is, and with whom the person is talking."""
    percent = view.volume_percent
    blocks: list[Block] = [sentence(f"{percent}%")]
    if view.call is not None:
        blocks += [block for block in call_blocks(view, view.call, into) if block.role is Role.NAME][:1]
    return Page(status_bar(view, clock), tuple(blocks), into.say(word("Volume")), bar_percent=percent)


def _with_keys(page: Page, keys: SoftKeys, into: Translator) -> Page:
    return replace(page, cancel=into.say(keys.cancel), ok=into.say(keys.ok))
