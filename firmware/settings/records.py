"""What the configuration means to records: recordings, how long things are kept, who gets them, receipts."""

from collections.abc import Callable
from functools import partial
from typing import Final

from firmware.display.speech import sentence_sound
from firmware.display.translation import Language, translator
from firmware.phone.countries import COUNTRIES
from firmware.phone.numbers import NumberForms
from firmware.phone.phrases import GREETING, RECORDING_ANNOUNCEMENT
from firmware.privacy.egress.border import Border
from firmware.privacy.receipts import Issuer
from firmware.privacy.retention import ENDING, Periods
from firmware.store.outbox import Recipient
from firmware.store.recordings import RoomLimits
from provisioning.broker import Completion
from provisioning.schema import Configuration

_RESERVE_BYTES: Final = 16_000_000
"""What recordings leave free: tens of thousands of call records."""
_WITH_TONES: Final = frozenset({"CA", "US"})
"""Where a tone is what people know (47 CFR 64.501); elsewhere few would know what it means."""


def room_limits(configuration: Configuration) -> RoomLimits:
    """Return how much recordings may take."""
    return RoomLimits(configuration.recording.limit_mb * 1_000_000, _RESERVE_BYTES)


def announcement(configuration: Configuration) -> Callable[[], bytes] | None:
    """Return what gives the sound by which the other end is told in words, see `Announcer`; None where a tone does."""
    device = configuration.device
    if (configuration.recording.announce or ("tone" if device.assumed_country in _WITH_TONES else "voice")) == "tone":
        return None
    words = translator(Language(device.language)).say(RECORDING_ANNOUNCEMENT)
    return partial(sentence_sound, words, device.language)


def greeting(language: Callable[[], str]) -> Callable[[], bytes]:
    """Return what gives the sound of the answering machine's greeting, in the language that the display speaks."""

    def say() -> bytes:
        spoken = language()
        return sentence_sound(translator(Language(spoken)).say(GREETING), spoken)

    return say


def periods(configuration: Configuration) -> Periods:
    """Return for how many days each category is kept."""
    return {category: getattr(configuration.retention, f"{category}_days") for category in ENDING}


def recipient(configuration: Configuration) -> Recipient:
    """Return who gets what leaves; nobody has a name where there is no broker."""
    device, sync = configuration.device, configuration.sync
    forms = NumberForms.of(COUNTRIES[device.assumed_country], configuration.dialing.international_prefix)
    if sync is None:
        return Recipient(device.id)
    home = device.region or device.assumed_country
    return Recipient(
        device.id,
        sync.host,
        confirms=sync.complete is Completion.ACK,
        border=Border(crossed=(sync.region or home) != home, forms=forms),
    )


def issuer(configuration: Configuration | None) -> Issuer:
    """Return whose receipts the handset makes; a handset that is not set up makes none that anybody could use."""
    if configuration is None:
        return Issuer("unnamed")
    device, operator, sync = configuration.device, configuration.operator, configuration.sync
    home = device.region or device.assumed_country
    return Issuer(device.id, operator.name, operator.contact, home, (sync.region if sync else None) or home)
