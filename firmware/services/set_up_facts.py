"""How the handset was set up, for whoever set it up: by which bundle, whose, and what became of the last one."""

from collections.abc import Iterable
from typing import Final

from firmware.base.words import Text, word
from firmware.configuration.standing import Standing
from firmware.phone.bundle_news import BundleEnded
from firmware.phone.bundle_phrases import reason, result_title
from provisioning.bundle import key_words
from provisioning.trust import Kind, TrustedKey, decode_public_key

_NONE: Final = word("none")


def set_up_facts(
    serial: str, standing: Standing, keys: Iterable[TrustedKey], heard: BundleEnded | None = None
) -> tuple[tuple[Text, Text], ...]:
    """Return pairs of label and value.

    Args:
        serial: the hardware's own.
        standing: which bundle counts.
        keys: whose signature counts; of those that may sign bundles the words are told.
        heard: what the phone has heard last of a bundle: one that was refused on the stick never came as far as to
            stand in `standing`.
    """
    kept = next((kept for kept in standing.kept if kept.number == standing.active), None)
    signers = [key for key in keys if Kind.BUNDLE in key.signs]
    return (
        (word("Bundle"), str(kept.number) if kept is not None else _NONE),
        *([(word("Note"), kept.note)] if kept is not None and kept.note else []),
        *(_last(standing, heard)),
        (word("Serial number"), serial),
        *((word("Signer"), _words(key)) for key in signers),
        *([] if signers else [(word("Signer"), _NONE)]),
    )


def _last(standing: Standing, heard: BundleEnded | None) -> Iterable[tuple[Text, Text]]:
    ended = standing.ended
    if heard is None and ended is not None:
        heard = BundleEnded(ended.result, ended.code, ended.number, ended.failure)
    if heard is None:
        return
    yield word("Last bundle"), result_title(heard)
    if heard.code:
        yield "", reason(heard)


def _words(key: TrustedKey) -> str:
    return " ".join(key_words(decode_public_key(key.public)))
