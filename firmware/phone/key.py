"""The keys of the handset."""

from enum import StrEnum


class Key(StrEnum):
    """The keys of the handset; the values are the names used in the configuration's keypad layout."""

    DIGIT_0 = "0"
    DIGIT_1 = "1"
    DIGIT_2 = "2"
    DIGIT_3 = "3"
    DIGIT_4 = "4"
    DIGIT_5 = "5"
    DIGIT_6 = "6"
    DIGIT_7 = "7"
    DIGIT_8 = "8"
    DIGIT_9 = "9"
    STAR = "*"
    HASH = "#"
    OK = "ok"
    CANCEL = "cancel"
    REDIAL = "redial"
    MENU = "menu"
    MUTE = "mute"
    HOLD = "hold"
    VOLUME_UP = "volume_up"
    VOLUME_DOWN = "volume_down"
    TRANSFER = "transfer"
    CONFERENCE = "conference"
    SPEAKER = "speaker"
    VOICEMAIL = "voicemail"
    DO_NOT_DISTURB = "do_not_disturb"
    RECORD = "record"
