"""How the running call sounds, in figures."""

from firmware.base.words import word
from firmware.display.model import Block, Importance, Role
from firmware.display.pages.blocks import detail
from firmware.display.pages.calls import sound_words
from firmware.display.translation import Translator
from firmware.phone.call import CallQuality


def sound_blocks(quality: CallQuality, translator: Translator) -> tuple[Block, ...]:
    """Say how good the call is, what is lost on the way, and by what it is carried."""
    sound = word("{words}, {mos} of 5", words=sound_words(quality.mos), mos=f"{quality.mos:.1f}")
    delay = "?" if quality.round_trip_ms is None else f"{quality.round_trip_ms:.0f}"
    line = word("{loss}% lost, jitter {jitter}", loss=f"{quality.loss_percent:.1f}", jitter=f"{quality.jitter_ms:.0f}")
    return (
        Block(translator.say(sound), Role.DETAIL, importance=Importance.NEEDED),
        detail(translator.say(line), Importance.USEFUL),
        detail(f"{delay} ms {quality.codec} {'SRTP' if quality.encrypted else 'RTP'}", Importance.USEFUL),
    )
