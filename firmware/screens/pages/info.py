"""What the menu key shows: the lines, how calls sounded, the text messages, and what is switched on."""

from firmware.phone import phrases
from firmware.phone.call import CallDirection, CallQuality, RegistrationState, TextMessage
from firmware.phone.menu.views import SoftKeys
from firmware.phone.view import InfoPage, LineView, PhoneView
from firmware.phone.words import Text, word
from firmware.screens.model import Block, Flow, Importance, Role
from firmware.screens.pages.blocks import detail, paragraph, sentence
from firmware.screens.pages.calls import party_words, sound_words
from firmware.screens.translation import Translator


def info_title(view: PhoneView, page: InfoPage) -> Text:
    """Say what the entry is about that the person has come to."""
    match page:
        case InfoPage.LINES:
            line = _shown_line(view)
            return (line.account or phrases.REGISTRATIONS[line.state]) if line is not None else phrases.NO_SERVICE
        case InfoPage.QUALITY:
            shown = _shown_quality(view)
            return shown[0] if shown is not None else ""
        case InfoPage.MESSAGES:
            message = _shown_message(view)
            if message is None:
                return ""
            party = message.party.display_name or message.party.number or phrases.UNKNOWN_CALLER
            is_incoming = message.direction is CallDirection.INCOMING
            return word("From {party}", party=party) if is_incoming else word("To {party}", party=party)
        case InfoPage.FEATURES:
            feature = _shown_feature(view)
            return phrases.FEATURES[feature[0]] if feature is not None else ""


def info_blocks(view: PhoneView, page: InfoPage, translator: Translator) -> tuple[Block, ...]:
    """Show the entry that the person has come to."""
    say = translator.say
    match page:
        case InfoPage.LINES:
            line = _shown_line(view)
            return _line(line, translator) if line is not None else ()
        case InfoPage.QUALITY:
            shown = _shown_quality(view)
            return _quality(shown[1], translator) if shown else (sentence(say(word("No call since the start"))),)
        case InfoPage.MESSAGES:
            message = _shown_message(view)
            return _message(message, translator) if message else (sentence(say(word("No messages"))),)
        case InfoPage.FEATURES:
            feature = _shown_feature(view)
            if feature is not None:
                return (Block(feature[1], Role.TEXT, Flow.CUT_START),) if feature[1] else ()
            return _features(view, translator)


def info_keys(view: PhoneView, page: InfoPage) -> SoftKeys:
    """OK answers a message and goes on through anything else; CANCEL leaves."""
    if view.call is not None:
        return SoftKeys()
    if page is InfoPage.MESSAGES and view.messages:
        return SoftKeys(word("Back"), word("Reply"))
    return SoftKeys(word("Back"), word("More") if entries(view, page) > 1 else "")


def entries(view: PhoneView, page: InfoPage) -> int:
    """Count the entries of a page."""
    match page:
        case InfoPage.LINES:
            return len(view.lines)
        case InfoPage.QUALITY:
            return len(view.recent_qualities) if view.call is None else 1
        case InfoPage.MESSAGES:
            return len(view.messages)
        case InfoPage.FEATURES:
            return 1 + len(view.features_on)


def _shown_line(view: PhoneView) -> LineView | None:
    return view.lines[view.info_step % len(view.lines)] if view.lines else None


def _shown_quality(view: PhoneView) -> tuple[Text, CallQuality] | None:
    if view.call is not None and view.call.quality is not None:
        return party_words(view.call), view.call.quality
    if not view.recent_qualities:
        return None
    party, quality = view.recent_qualities[view.info_step % len(view.recent_qualities)]
    return party or phrases.UNKNOWN_CALLER, quality


def _shown_message(view: PhoneView) -> TextMessage | None:
    return view.messages[view.info_step % len(view.messages)] if view.messages else None


def _shown_feature(view: PhoneView) -> tuple[str, str] | None:
    """Return a feature that is on and the number that it is about; the first entry is about the common ones."""
    step = view.info_step % entries(view, InfoPage.FEATURES)
    return view.features_on[step - 1] if step else None


def _line(line: LineView, translator: Translator) -> tuple[Block, ...]:
    say = translator.say
    if line.state is not RegistrationState.FAILED:
        return (sentence(say(phrases.REGISTRATIONS[line.state])),) if line.account else ()
    why = phrases.REGISTRATION_FAILURES[line.failure] if line.failure is not None else phrases.NO_SERVICE
    code = f"SIP {line.sip_code} " if line.sip_code else ""
    wait = say(word("next try in {s} s", s=line.retry_in_s)) if line.retry_in_s else ""
    rest = f"{code}{wait}".strip()
    return (sentence(say(why)), *((detail(rest, Importance.USEFUL),) if rest else ()))


def _quality(quality: CallQuality, translator: Translator) -> tuple[Block, ...]:
    sound = word("{words}, {mos} of 5", words=sound_words(quality.mos), mos=f"{quality.mos:.1f}")
    delay = "?" if quality.round_trip_ms is None else f"{quality.round_trip_ms:.0f}"
    line = word("{loss}% lost, jitter {jitter}", loss=f"{quality.loss_percent:.1f}", jitter=f"{quality.jitter_ms:.0f}")
    return (
        Block(translator.say(sound), Role.DETAIL, importance=Importance.NEEDED),
        detail(translator.say(line), Importance.USEFUL),
        detail(f"{delay} ms {quality.codec} {'SRTP' if quality.encrypted else 'RTP'}", Importance.USEFUL),
    )


def _message(message: TextMessage, translator: Translator) -> tuple[Block, ...]:
    unsent = () if message.delivered else (detail(translator.say(word("not sent")), Importance.NEEDED),)
    return (*unsent, paragraph(message.text))


def _features(view: PhoneView, translator: Translator) -> tuple[Block, ...]:
    say = translator.say
    forwarding = word("To {number}", number=view.forwarding) if view.forwarding else word("No forwarding")
    return (
        sentence(say(word("Do not disturb") if view.do_not_disturb else word("Calls ring"))),
        sentence(say(forwarding)),
    )
