"""What the holder has set on the phone itself, and how it came to be set up; it outlives a restart, in the store."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.orders import EarPreset


@dataclass(frozen=True, slots=True)
class Preferences:
    """The holder's own settings, on top of the configuration's.

    Attributes:
        do_not_disturb: no call rings, but for emergency services that call back.
        forward_always, forward_busy, forward_no_answer: numbers as dialled to send calls to; empty for none.
        reject_anonymous: callers who withhold their number are turned away.
        auto_answer: intercoms of those who may are answered by themselves, on the speaker with the microphone off.
        answering_machine: calls that nobody comes to are answered by the phone, which records what the caller says.
        answer_after_s: for how long they ring before that.
        longest_message_s: how long a message may be.
        keeps_call_text: what is written in a call is kept with it in the call log; the other end is told.
        blocked: numbers that never ring; `*` at the end stands for any digits.
        allowed: numbers that always ring, whatever the other rules say.
        speed_dials: pairs of a digit key and the number that holding it dials.
        most_called: whom this phone calls most has the first digits that are free.
        language: "en" or "zh"; empty for the configuration's.
        large_text, high_contrast: for eyes that want it.
        key_clicks: each key is heard.
        spoken_menus: what is selected is said aloud.
        visual_ring: a call lights the LED and flashes the display.
        brightness_percent: of a display that somebody uses.
        screen_off_s: after so many seconds without a key the display is dimmed; 0 for never.
        ring: how the handset rings where neither server nor contact says otherwise.
        ring_rises: it begins softly.
        ringer_percent, earpiece_percent, speaker_percent: volumes; None for the configuration's.
        ear: how the earpiece sounds; None for the configuration's.
        noise_lowered: steady noise around the phone is lowered where the configuration says so; nowhere otherwise.
        background: names the picture behind the idle page, empty for none.
        traditional: Chinese is written in traditional characters.
        written: pairs of the keys of a syllable and the characters that were last written by them, the latest first.
        locked_when_idle: the PIN is asked for after a while without a key.
    """

    do_not_disturb: bool = False
    forward_always: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    reject_anonymous: bool = False
    auto_answer: bool = False
    answering_machine: bool = False
    answer_after_s: int = 20
    longest_message_s: int = 180
    keeps_call_text: bool = False
    blocked: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    speed_dials: tuple[tuple[str, str], ...] = ()
    most_called: bool = True
    language: str = ""
    large_text: bool = False
    high_contrast: bool = False
    key_clicks: bool = False
    spoken_menus: bool = False
    visual_ring: bool = False
    brightness_percent: int = 80
    screen_off_s: int = 60
    ring: str = "normal"
    ring_rises: bool = False
    ringer_percent: int | None = None
    earpiece_percent: int | None = None
    speaker_percent: int | None = None
    ear: EarPreset | None = None
    noise_lowered: bool = True
    background: str = ""
    traditional: bool = False
    written: tuple[tuple[str, str], ...] = ()
    locked_when_idle: bool = False


class SetUp(StrEnum):
    """How the phone came to be set up, as the store keeps it.

    NEW: it was not; nobody has come to the end of the first run. FIRST_RUN: by the first run, on its own display.
    OFFERED: so, and since then the holder was shown once what else there is to agree to.
    """

    NEW = "new"
    FIRST_RUN = "first_run"
    OFFERED = "offered"
