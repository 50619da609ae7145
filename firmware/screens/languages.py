"""Everything that the display says, in every language."""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.call import DisconnectReason, RegistrationFailure
from firmware.phone.events import Problem
from firmware.phone.view import Hint


class Language(StrEnum):
    """The languages that a configuration may choose."""

    ENGLISH = "en"
    CHINESE = "zh"


@dataclass(frozen=True, slots=True)
class Texts:
    """One language. Short texts fit one line of the display, sentences fit three.

    Attributes:
        missed_many: has a place for the `count`.
    """

    dial_a_number: str
    calling: str
    far_end_rings: str
    incoming_call: str
    unknown_caller: str
    connecting: str
    on_hold: str
    held_by_peer: str
    muted: str
    call_ended: str
    emergency_call: str
    not_set_up: str
    ask_installer: str
    volume: str
    no_service: str
    missed_one: str
    missed_many: str
    hints: Mapping[Hint, str]
    problems: Mapping[Problem, str]
    reasons: Mapping[DisconnectReason, str]
    registration_failures: Mapping[RegistrationFailure, str]


_ENGLISH = Texts(
    dial_a_number="Dial a number",
    calling="Calling…",
    far_end_rings="Ringing…",
    incoming_call="Incoming call",
    unknown_caller="Number withheld",
    connecting="Connecting…",
    on_hold="On hold",
    held_by_peer="You are on hold",
    muted="You are muted",
    call_ended="Call ended",
    emergency_call="Emergency call",
    not_set_up="Not set up",
    ask_installer="Ask your installer.",
    volume="Volume",
    no_service="No phone service.",
    missed_one="1 missed call",
    missed_many="{count} missed calls",
    hints={
        Hint.LIFT_HANDSET: "Lift the handset",
        Hint.REPLACE_HANDSET: "Please hang up",
        Hint.HANDSET_IS_OFF: "The handset is off. Please hang up.",
        Hint.NUMBER_IMPOSSIBLE: "No such number. Press cancel.",
        Hint.NUMBER_INCOMPLETE: "Number too short. Press cancel.",
        Hint.EMERGENCY_NUMBER: "Emergency call",
        Hint.NOTHING_TO_REDIAL: "Nothing dialled before",
        Hint.RINGER_SILENCED: "Ringer silenced",
        Hint.CANNOT_CALL: "Cannot call. Use another phone.",
        Hint.EMERGENCY_ONLY: "Emergency calls only",
    },
    problems={
        Problem.CONFIGURATION: "Set-up mistakes. The old one runs.",
        Problem.SOUND_MISSING: "No sound. Check the sound card.",
        Problem.DEVICE_BROKEN: "A part does not work. Ask your installer.",
        Problem.STORE_UNREADABLE: "The phone's memory cannot be read.",
        Problem.STORE_FULL: "The phone's memory is full.",
        Problem.CLOCK_NOT_SET: "The clock is not set yet.",
        Problem.BROKER_UNREACHABLE: "Call records cannot be sent right now.",
        Problem.BROKER_REFUSED: "Call records are refused. Ask your installer.",
        Problem.SIP_UNAVAILABLE: "Cannot call. Use another phone.",
    },
    reasons={
        DisconnectReason.LOCAL_HANGUP: "You hung up",
        DisconnectReason.REMOTE_HANGUP: "They hung up",
        DisconnectReason.CANCELLED: "Call cancelled",
        DisconnectReason.NO_ANSWER: "No answer",
        DisconnectReason.BUSY: "Busy",
        DisconnectReason.REJECTED: "Call declined",
        DisconnectReason.NOT_FOUND: "No such number",
        DisconnectReason.UNREACHABLE: "Not reachable",
        DisconnectReason.NOT_ALLOWED: "This call is not allowed",
        DisconnectReason.NO_COMMON_CODEC: "The phones have no sound in common",
        DisconnectReason.ENCRYPTION_REQUIRED: "The line is not encrypted",
        DisconnectReason.NETWORK_LOST: "The network was lost",
        DisconnectReason.SERVER_ERROR: "The phone service failed",
        DisconnectReason.INTERRUPTED: "The call was interrupted",
    },
    registration_failures={
        RegistrationFailure.WRONG_PASSWORD: "Wrong password. Ask your installer.",
        RegistrationFailure.ACCOUNT_UNKNOWN: "Account unknown. Ask your installer.",
        RegistrationFailure.SERVER_NOT_FOUND: "Server not found. Ask your installer.",
        RegistrationFailure.SERVER_UNREACHABLE: "No answer from the server. Trying again.",
        RegistrationFailure.CERTIFICATE_REJECTED: "Server has no valid certificate.",
        RegistrationFailure.NO_NETWORK: "No network. Check the cable or Wi-Fi.",
        RegistrationFailure.REFUSED: "The phone service refuses this phone.",
    },
)

_CHINESE = Texts(
    dial_a_number="请拨号",
    calling="正在呼叫…",
    far_end_rings="对方振铃中…",
    incoming_call="来电",
    unknown_caller="号码未显示",
    connecting="正在接通…",
    on_hold="通话保持中",
    held_by_peer="对方保持通话",
    muted="麦克风已静音",
    call_ended="通话结束",
    emergency_call="紧急呼叫",
    not_set_up="尚未设置",
    ask_installer="请联系安装人员。",
    volume="音量",
    no_service="电话服务未连接。",
    missed_one="1个未接来电",
    missed_many="{count}个未接来电",
    hints={
        Hint.LIFT_HANDSET: "请拿起听筒",
        Hint.REPLACE_HANDSET: "请挂机",
        Hint.HANDSET_IS_OFF: "听筒未放好，请挂机。",
        Hint.NUMBER_IMPOSSIBLE: "号码无效，请按取消键。",
        Hint.NUMBER_INCOMPLETE: "号码不完整，请按取消键。",
        Hint.EMERGENCY_NUMBER: "紧急呼叫",
        Hint.NOTHING_TO_REDIAL: "没有可重拨的号码",
        Hint.RINGER_SILENCED: "铃声已静音",
        Hint.CANNOT_CALL: "无法通话，请使用其他电话。",
        Hint.EMERGENCY_ONLY: "仅限紧急呼叫",
    },
    problems={
        Problem.CONFIGURATION: "设置有误，正在使用上次的有效设置。",
        Problem.SOUND_MISSING: "没有声音，请检查声卡。",
        Problem.DEVICE_BROKEN: "部件故障，请联系安装人员。",
        Problem.STORE_UNREADABLE: "无法读取本机存储。",
        Problem.STORE_FULL: "本机存储已满。",
        Problem.CLOCK_NOT_SET: "时钟尚未校准。",
        Problem.BROKER_UNREACHABLE: "暂时无法上传通话记录。",
        Problem.BROKER_REFUSED: "通话记录被拒收，请联系安装人员。",
        Problem.SIP_UNAVAILABLE: "无法通话，请使用其他电话。",
    },
    reasons={
        DisconnectReason.LOCAL_HANGUP: "您已挂机",
        DisconnectReason.REMOTE_HANGUP: "对方已挂机",
        DisconnectReason.CANCELLED: "呼叫已取消",
        DisconnectReason.NO_ANSWER: "无人接听",
        DisconnectReason.BUSY: "对方正忙",
        DisconnectReason.REJECTED: "对方拒接",
        DisconnectReason.NOT_FOUND: "号码不存在",
        DisconnectReason.UNREACHABLE: "无法接通",
        DisconnectReason.NOT_ALLOWED: "不允许拨打此号码",
        DisconnectReason.NO_COMMON_CODEC: "双方没有共同的语音格式",
        DisconnectReason.ENCRYPTION_REQUIRED: "线路未加密",
        DisconnectReason.NETWORK_LOST: "网络已断开",
        DisconnectReason.SERVER_ERROR: "电话服务出现故障",
        DisconnectReason.INTERRUPTED: "通话中断",
    },
    registration_failures={
        RegistrationFailure.WRONG_PASSWORD: "密码错误，请联系安装人员。",
        RegistrationFailure.ACCOUNT_UNKNOWN: "账号不存在，请联系安装人员。",
        RegistrationFailure.SERVER_NOT_FOUND: "找不到服务器，请联系安装人员。",
        RegistrationFailure.SERVER_UNREACHABLE: "电话服务无应答，正在重试。",
        RegistrationFailure.CERTIFICATE_REJECTED: "服务器证书无效，请联系安装人员。",
        RegistrationFailure.NO_NETWORK: "没有网络，请检查网线或Wi-Fi。",
        RegistrationFailure.REFUSED: "电话服务拒绝了本机。",
    },
)

TEXTS: Mapping[Language, Texts] = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}
