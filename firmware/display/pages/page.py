"""Which page shows which state of the phone; what menus show, and what a locked phone does not."""

from collections.abc import Iterable
from dataclasses import replace

from firmware.base.words import word
from firmware.display.model import (
    Block,
    Body,
    Card,
    Code,
    Entry,
    Flow,
    Importance,
    List,
    ListRow,
    Page,
    Role,
    StatusBar,
    Tile,
)
from firmware.display.pages.blocks import MANY_ROWS, detail, details, headline, sentence, status_bar
from firmware.display.pages.calls import (
    call_blocks,
    call_keys,
    call_title,
    call_told_as,
    is_urgent,
    party_words,
    sound_words,
    text_body,
    text_keys,
    text_of,
    waiting_blocks,
    waiting_keys,
)
from firmware.display.pages.idle import (
    announcement_blocks,
    dialling_body,
    dialling_keys,
    dialling_title,
    hint_blocks,
    idle_blocks,
    idle_keys,
    unprovisioned_blocks,
    writing_body,
    writing_keys,
    writing_title,
)
from firmware.display.translation import Language, Translator, translator
from firmware.phone import phrases
from firmware.phone.call import CallerId, CallQuality
from firmware.phone.menu_views import (
    CardView,
    CodeView,
    EntryKind,
    EntryView,
    ListView,
    MenuRow,
    MenuView,
    NoticeView,
    SoftKeys,
)
from firmware.phone.phrases import TROUBLES
from firmware.phone.view import CallView, Mode, PersonView, PhoneView

_HIDDEN = "•"

_NOBODY = CallerId("")


def menu_body(menu: MenuView, translator: Translator) -> Body:
    """Show what the menu's page is about."""
    say = translator.say
    match menu:
        case ListView(total=0):
            return (_sentence(say(menu.empty)),)
        case ListView():
            return List(_rows(menu.rows, translator), menu.first, menu.selected, menu.total)
        case CardView():
            return Card(_rows(menu.rows, translator), menu.scroll)
        case EntryView():
            text = _HIDDEN * len(menu.text) if menu.kind is EntryKind.PIN else menu.text
            for_the_eye = menu.kind is EntryKind.CODE
            return Entry(text, menu.mode, menu.candidates, menu.candidate, say(menu.note), for_the_eye=for_the_eye)
        case CodeView():
            return Code(menu.payload, say(menu.caption))
        case NoticeView():
            return (_sentence(say(menu.text)),)


def _rows(rows: Iterable[MenuRow], translator: Translator) -> tuple[ListRow, ...]:
    say = translator.say
    return tuple(
        ListRow(say(row.label), say(row.value), row.number, say(row.detail), row.sign, say(row.said)) for row in rows
    )


def _sentence(text: str) -> Block:
    return Block(text, Role.TEXT, Flow.WRAP, importance=Importance.NEEDED, rows=MANY_ROWS)


def sound_blocks(quality: CallQuality, translator: Translator) -> tuple[Block, ...]:
    """Say how good the call is, what is lost on the way, and by what it is carried."""
    sound = word("{words}, {mos} of 5", words=sound_words(quality.mos), mos=f"{quality.mos:.1f}")
    if quality.trouble is not None:
        sound = TROUBLES[quality.trouble]
    delay = "?" if quality.round_trip_ms is None else f"{quality.round_trip_ms:.0f}"
    line = word("{loss}% lost, jitter {jitter}", loss=f"{quality.loss_percent:.1f}", jitter=f"{quality.jitter_ms:.0f}")
    return (
        Block(translator.say(sound), Role.DETAIL, importance=Importance.NEEDED),
        detail(translator.say(line), Importance.USEFUL),
        detail(f"{delay} ms {quality.codec} {'SRTP' if quality.encrypted else 'RTP'}", Importance.USEFUL),
    )


def without_anything_personal(view: PhoneView) -> PhoneView:
    """Return what may be shown of a locked phone: how many calls were missed, but not whose; that there is a call.

    Digits that are being dialled stay: whoever stands before the phone has pressed them. So does the number of an
    emergency call.
    """
    return replace(
        view,
        # That calls are forwarded has its sign; to where has not.
        forwarding="*" if view.forwarding else "",
        call=_without_party(view.call) if view.call is not None else None,
        other_calls=tuple(_without_party(call) for call in view.other_calls),
        missed_party="",
        lines=tuple(replace(line, account="") for line in view.lines),
        refusal=None,
        saved="",
        message_text=None if view.message_text is None else "",
        candidates=(),
        menu=_unlocking(view.menu),
        matches=(),
        match=None,
        people=(),
        look=replace(view.look, background=""),
    )


def _without_party(call: CallView) -> CallView:
    return replace(
        call,
        party=call.party if call.emergency else _NOBODY,
        contact_name="",
        dtmf="",
        attribution="",
        account="",
        diverted_by="",
        picture="",
        text=call.text if call.emergency else None,
    )


def _unlocking(menu: MenuView | None) -> MenuView | None:
    """Let a PIN or a bundle's code be typed, and a sentence be said about it."""
    is_typed_locked = isinstance(menu, EntryView) and menu.kind in {EntryKind.PIN, EntryKind.CODE}
    return menu if is_typed_locked or isinstance(menu, NoticeView) else None


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
    status = status_bar(view, clock)
    if view.volume_percent is not None:
        return _volume(view, into, clock)
    if view.question is not None:
        return _menu(view.question, status, into)
    if view.call is not None:
        return _call(view, view.call, status, into)
    if view.help_number:
        return _help(view, into, clock)
    if (page := _used(view, status, into)) is not None:
        return page
    if view.page:
        return _with_keys(Page(status, announcement_blocks(view, into)), SoftKeys(word("Stop")), into)
    return _with_keys(_at_rest(view, into, clock), idle_keys(view), into)


def _used(view: PhoneView, status: StatusBar, into: Translator) -> Page | None:
    """Show what somebody does with the phone beside calls, None where nobody does anything."""
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
    return None


def _call(view: PhoneView, call: CallView, status: StatusBar, into: Translator) -> Page:
    """Show what is written in the call, how it sounds, or else the call."""
    if (text := text_of(view)) is not None:
        page = Page(status, text_body(view, call, text, into), into.say(party_words(call)))
        return _with_keys(page, text_keys(text), into)
    if view.sound_shown and call.quality is not None:
        page = Page(status, sound_blocks(call.quality, into), "" if view.locked else into.say(party_words(call)))
    else:
        title, told_as = into.say(call_title(view, call)), into.say(call_told_as(view, call))
        page = Page(status, call_blocks(view, call, into), title, told_as, picture=call.picture)
    return _with_keys(page, call_keys(view, call), into)


def _at_rest(view: PhoneView, into: Translator, clock: str) -> Page:
    if view.details_step and (card := details(view, into)) is not None:
        return Page(status_bar(view, clock), card)
    if view.mode is Mode.UNPROVISIONED:
        return Page(status_bar(view, clock), unprovisioned_blocks(view, into), into.say(word("Not set up")))
    blocks = idle_blocks(view, into, clock)
    # The time of day is shown once.
    is_large = any(block.role is Role.CLOCK for block in blocks)
    title = into.say(word("Locked")) if view.locked else ""
    people = tuple(_tile(each, into) for each in view.people)
    status = status_bar(view, "" if is_large else clock)
    return Page(status, blocks, title, picture=view.look.background, people=people)


def _tile(person: PersonView, into: Translator) -> Tile:
    sign, said = phrases.WATCHED[person.state]
    return Tile(person.digit, into.say(person.name), person.picture, sign, into.say(said))


def _help(view: PhoneView, into: Translator, clock: str) -> Page:
    """Say that lifting calls for help: below what is being typed, and in the place of any other page."""
    words = into.say(word("{number}: lift for help", number=view.help_number))
    page = _page(replace(view, help_number=""), into, clock)
    if isinstance(page.body, Entry):
        return replace(page, body=replace(page.body, note=words))
    return _with_keys(Page(page.status, (headline(words),)), SoftKeys(word("Back")), into)


def _menu(menu: MenuView, status: StatusBar, into: Translator) -> Page:
    page = Page(
        status,
        menu_body(menu, into),
        into.say(menu.title),
        scroll=menu.scroll if isinstance(menu, NoticeView) else None,
        bar_percent=menu.percent if isinstance(menu, NoticeView) else None,
        picture=menu.picture if isinstance(menu, CardView) else "",
        asks=isinstance(menu, ListView | NoticeView) and menu.asks,
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
