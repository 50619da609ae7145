"""How a call sounds, in rows for whoever only wants to know whether it was good, and for whoever asks why."""

from firmware.base.words import Word, word
from firmware.phone.call import CallQuality
from firmware.phone.menu_views import MenuRow
from firmware.phone.phrases import TROUBLES
from firmware.phone.quality import bars

_GOOD_BARS = 3
_FAIR_BARS = 2
_TOLD_PERCENT = 0.05  # less would read 0.0


def verdict(mos: float) -> Word:
    """Say in a word how a call sounds, from its mean opinion score."""
    level = bars(mos)
    return word("good") if level >= _GOOD_BARS else word("fair") if level >= _FAIR_BARS else word("poor")


def verdict_row(mos: float) -> MenuRow:
    """Say how calls sound, from their mean opinion score."""
    return MenuRow(word("Sound"), _score(mos))


def sound_rows(quality: CallQuality) -> list[MenuRow]:
    """Return everything that was measured, the verdict first; of repairs and of the far end what there is to tell."""
    rows = [
        verdict_row(quality.mos) if quality.trouble is None else MenuRow(word("Sound"), TROUBLES[quality.trouble]),
        MenuRow(word("Lost"), f"{quality.loss_percent:.1f} %"),
        MenuRow(word("Jitter"), f"{quality.jitter_ms:.0f} ms"),
        MenuRow(word("Round trip"), "?" if quality.round_trip_ms is None else f"{quality.round_trip_ms:.0f} ms"),
        MenuRow(word("Codec"), quality.codec),
        MenuRow(word("Encrypted"), word("yes") if quality.encrypted else word("no")),
    ]
    if quality.repaired_percent >= _TOLD_PERCENT:
        rows.insert(2, MenuRow(word("Repaired"), f"{quality.repaired_percent:.1f} %"))
    if quality.far_mos is not None:
        rows.append(MenuRow(word("Sound there"), _score(quality.far_mos)))
    if quality.far_loss_percent is not None:
        rows.append(MenuRow(word("Lost there"), f"{quality.far_loss_percent:.1f} %"))
    return rows


def _score(mos: float) -> Word:
    return word("{verdict}, {mos} of 5", verdict=verdict(mos), mos=f"{mos:.1f}")
