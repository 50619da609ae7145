"""How the running call sounds, in figures."""

from firmware.phone.call import CallQuality
from firmware.screens.model import Block, Importance, Role
from firmware.screens.pages.blocks import detail
from firmware.screens.pages.calls import sound_words
from firmware.screens.translation import Translator
from firmware.words import word


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
