"""What the configuration decides for the phone."""

from dataclasses import dataclass, field

from firmware.phone.dial_plan import DialPlan
from firmware.phone.features import CallRules, FeatureCodes, Hotline
from firmware.phone.key import Key
from firmware.phone.orders import EarPreset
from firmware.phone.preferences import Preferences
from firmware.phone.text_entry import Chinese, no_chinese


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """What the configuration decides for the phone.

    Attributes:
        dial_plan: emergency numbers and the digit map.
        inter_digit_timeout_s: silence after which a number that may be complete is sent.
        first_digit_timeout_s: how long dial tone plays before it turns into reorder tone.
        no_answer_s: how long an incoming call rings or waits before it counts as missed.
        earpiece_volume_percent: the earpiece's volume at the start.
        speaker_volume_percent: the loudspeaker's volume at the start.
        ringer_volume_percent: the ringer's volume at the start.
        provisioned: False where there is no usable configuration; then only emergency calls are placed.
        line_usable: False where there is no account to call with, not even for an emergency.
        mistakes: what is wrong with the configuration, each a sentence with its place.
        max_calls: how many calls there may be at once, those that wait included.
        call_waiting: whether a phone in use takes another call.
        hold_reminder_s: how often a beep tells of a call on hold, 0 for never.
        ear: how the earpiece sounds until the holder chooses.
        lowers_noise: whether the configuration has noise lowered anywhere.
        has_loudspeaker: whether there are a loudspeaker and a microphone beside the handset's.
        hide_dtmf: the digits sent in a call are not shown.
        call_rules: what becomes of calls that come in.
        preferences: what the holder has not changed yet.
        feature_codes: which keys switch which feature.
        hotline: the number that a lifted handset calls by itself.
        voicemail_number: where voice messages are listened to, as dialled; empty where that is not known.
        pickup_code: what is dialled before a number to take the call that rings there.
        auto_redial_every_s: how often a busy number is tried again.
        auto_redial_tries: how many times.
        display_off_s: how long after it was dimmed the display is switched off; 0 for never.
        accounts: names and labels, the default account first.
        chinese: knows how Chinese is spelled, for whoever writes it.
        chosen_country: where the configuration does not say the country, the one that was chosen on the display, empty
            while none was; None where the configuration says it.
        language: what the display speaks until the holder chooses.
        proves_number: the operator sends codes by which a new phone proves its number.
        operator_name, privacy_officer, privacy_contact: who answers for the holder's data, and how they are reached;
            empty for what is not known.
        keypad: its keys, row by row.
        serial: the hardware's serial number, by which an installer knows it.
        invite_link, top_up_link: the operator's links, with a place for the account's opaque id; empty for none.
    """

    dial_plan: DialPlan
    inter_digit_timeout_s: float = 4
    first_digit_timeout_s: float = 15
    no_answer_s: float = 120
    earpiece_volume_percent: int = 70
    speaker_volume_percent: int = 70
    ringer_volume_percent: int = 80
    provisioned: bool = True
    line_usable: bool = True
    mistakes: tuple[str, ...] = ()
    max_calls: int = 3
    call_waiting: bool = True
    hold_reminder_s: float = 60
    ear: EarPreset = EarPreset.NORMAL
    lowers_noise: bool = True
    has_loudspeaker: bool = False
    hide_dtmf: bool = False
    call_rules: CallRules = field(default_factory=CallRules)
    preferences: Preferences = field(default_factory=Preferences)
    feature_codes: FeatureCodes = field(default_factory=FeatureCodes)
    hotline: Hotline | None = None
    voicemail_number: str = ""
    pickup_code: str = "**"
    auto_redial_every_s: float = 30
    auto_redial_tries: int = 10
    display_off_s: float = 0
    accounts: tuple[tuple[str, str], ...] = ()
    chinese: Chinese = no_chinese
    chosen_country: str | None = None
    language: str = "en"
    proves_number: bool = False
    operator_name: str = ""
    privacy_officer: str = ""
    privacy_contact: str = ""
    keypad: tuple[tuple[Key, ...], ...] = ()
    serial: str = ""
    invite_link: str = ""
    top_up_link: str = ""

    def account_label(self, name: str) -> str:
        """Return what the display calls an account; nothing where there is only one."""
        if len(self.accounts) < 2:  # noqa: PLR2004 - the one that there always is does not count
            return ""
        _, default_label = self.accounts[0]
        return dict(self.accounts).get(name, default_label)
