"""Everything that the display says, in every language."""

# ruff: noqa: RUF001 - full-width punctuation is what Chinese is written with

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.call import Decision, DisconnectReason, RegistrationFailure, RegistrationState, TransferState
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
        waiting, on_hold_too, forwarded_by, message_from, message_to: have a place for the `party`.
        forwarding_to: has a place for the `number`.
        trying_again_in, retry_in: have a place for the seconds, `s`.
        quality_lines: lines about a call, with places for `words`, `mos` from 1 to 5, `loss` in per cent, `jitter`
            and `delay` there and back in milliseconds, `codec`, and `lock`, which says whether the sound was encrypted.
        features: what a feature is called, by its name in the configuration.
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
    waiting: str
    answer_or_decline: str
    on_hold_too: str
    conference: str
    forwarded_by: str
    answered_by_itself: str
    not_disturbed: str
    forwarding_to: str
    no_forwarding: str
    disturbed: str
    trying_again_in: str
    retry_in: str
    no_calls_yet: str
    no_messages: str
    message_from: str
    message_to: str
    message_not_sent: str
    new_message: str
    sound_good: str
    sound_fair: str
    sound_poor: str
    quality_lines: tuple[str, ...]
    hints: Mapping[Hint, str]
    problems: Mapping[Problem, str]
    reasons: Mapping[DisconnectReason, str]
    registration_failures: Mapping[RegistrationFailure, str]
    registrations: Mapping[RegistrationState, str]
    decisions: Mapping[Decision, str]
    transfers: Mapping[TransferState, str]
    features: Mapping[str, str]


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
    waiting="Waiting: {party}",
    answer_or_decline="OK: yes  Cancel: no",
    on_hold_too="Held: {party}",
    conference="Conference",
    forwarded_by="by way of {party}",
    answered_by_itself="Auto-answered",
    not_disturbed="Do not disturb",
    forwarding_to="To {number}",
    no_forwarding="No forwarding",
    disturbed="Calls ring",
    trying_again_in="Trying again in {s} s",
    retry_in="next try in {s} s",
    no_calls_yet="No call since the start",
    no_messages="No messages",
    message_from="From {party}",
    message_to="To {party}",
    message_not_sent="not sent",
    new_message="New message",
    sound_good="Sound good",
    sound_fair="Sound fair",
    sound_poor="Sound poor",
    quality_lines=(
        "{words}, {mos:.1f} of 5",
        "{loss:.1f}% lost, jitter {jitter:.0f}",
        "{delay} ms {codec} {lock}",
    ),
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
        Hint.NUMBER_BARRED: "This number is barred here.",
        Hint.NO_SPEED_DIAL: "No number behind this key",
        Hint.NO_VOICEMAIL: "No voicemail on this line",
        Hint.FEATURE_ON: "On",
        Hint.FEATURE_OFF: "Off",
        Hint.FEATURE_IMPOSSIBLE: "Not possible",
        Hint.CALL_WAITING: "OK answers it",
        Hint.CALL_ON_HOLD: "Hold: go back",
        Hint.TOO_MANY_CALLS: "Too many calls. End one first.",
        Hint.TRANSFER_TO_WHOM: "Transfer: dial to whom",
        Hint.TRANSFER_FAILED: "Transfer failed. You are back.",
        Hint.REDIALLING: "Trying again…",
        Hint.PRESS_REDIAL_TO_KEEP_TRYING: "Redial: try on",
        Hint.MESSAGE_SENT: "Message sent",
        Hint.MESSAGE_FAILED: "Message not sent",
        Hint.MESSAGE_RECEIVED: "New message",
        Hint.NO_LOUDSPEAKER: "No loudspeaker in this phone",
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
        DisconnectReason.FORWARDED: "Call forwarded",
        DisconnectReason.TRANSFERRED: "Call transferred",
        DisconnectReason.BARRED: "This number is barred here",
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
    registrations={
        RegistrationState.UNREGISTERED: "not connected",
        RegistrationState.REGISTERING: "connecting",
        RegistrationState.REGISTERED: "connected",
        RegistrationState.FAILED: "no service",
    },
    decisions={
        Decision.DO_NOT_DISTURB: "Turned away: do not disturb",
        Decision.BLOCKED: "Turned away: on the block list",
        Decision.NOT_ON_ALLOW_LIST: "Turned away: not allowed",
        Decision.ANONYMOUS: "Turned away: number withheld",
        Decision.OUT_OF_HOURS: "Turned away: out of hours",
        Decision.FORWARDED_ALWAYS: "Forwarded: all calls are",
        Decision.FORWARDED_BUSY: "Forwarded: you were busy",
        Decision.FORWARDED_NO_ANSWER: "Forwarded: you did not answer",
        Decision.PHONE_BUSY: "Turned away: you were busy",
        Decision.BARRED: "Not called: the number is barred",
        Decision.AUTO_ANSWERED: "Answered automatically",
    },
    transfers={
        TransferState.REQUESTED: "Transferring…",
        TransferState.RINGING: "Ringing there…",
        TransferState.DONE: "Transferred",
        TransferState.FAILED: "Transfer failed",
    },
    features={
        "do_not_disturb": "Do not disturb",
        "forward_always": "Forward all",
        "forward_busy": "Forward busy",
        "forward_no_answer": "Fwd no answer",
        "reject_anonymous": "Refuse withheld",
        "auto_answer": "Auto-answer",
        "auto_redial": "Keep trying",
        "block": "Block caller",
        "speed_dial": "Speed dial",
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
    waiting="来电等待：{party}",
    answer_or_decline="确定接 取消拒",
    on_hold_too="保持：{party}",
    conference="三方通话",
    forwarded_by="由{party}转来",
    answered_by_itself="已自动接听",
    not_disturbed="免打扰",
    forwarding_to="转至{number}",
    no_forwarding="未设呼叫转移",
    disturbed="来电会响铃",
    trying_again_in="{s}秒后重拨",
    retry_in="{s}秒后重试",
    no_calls_yet="开机后没有通话",
    no_messages="没有短信",
    message_from="来自{party}",
    message_to="发给{party}",
    message_not_sent="未发出",
    new_message="新短信",
    sound_good="音质好",
    sound_fair="音质一般",
    sound_poor="音质差",
    quality_lines=("{words} {mos:.1f}", "丢{loss:.1f}%抖{jitter:.0f}延{delay}"),
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
        Hint.NUMBER_BARRED: "本机禁止拨打此号码。",
        Hint.NO_SPEED_DIAL: "此键未设速拨号码",
        Hint.NO_VOICEMAIL: "本线路没有语音信箱",
        Hint.FEATURE_ON: "已开启",
        Hint.FEATURE_OFF: "已关闭",
        Hint.FEATURE_IMPOSSIBLE: "无法设置",
        Hint.CALL_WAITING: "按确定键接听",
        Hint.CALL_ON_HOLD: "按保持键恢复通话",
        Hint.TOO_MANY_CALLS: "通话太多，请先结束一个。",
        Hint.TRANSFER_TO_WHOM: "转接：请拨号码",
        Hint.TRANSFER_FAILED: "转接失败，通话已恢复。",
        Hint.REDIALLING: "正在自动重拨",
        Hint.PRESS_REDIAL_TO_KEEP_TRYING: "按重拨键自动重拨",
        Hint.MESSAGE_SENT: "短信已发送",
        Hint.MESSAGE_FAILED: "短信发送失败",
        Hint.MESSAGE_RECEIVED: "收到新短信",
        Hint.NO_LOUDSPEAKER: "本机没有扬声器",
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
        DisconnectReason.FORWARDED: "来电已转移",
        DisconnectReason.TRANSFERRED: "通话已转接",
        DisconnectReason.BARRED: "本机禁止拨打此号码",
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
    registrations={
        RegistrationState.UNREGISTERED: "未连接",
        RegistrationState.REGISTERING: "正在连接",
        RegistrationState.REGISTERED: "已连接",
        RegistrationState.FAILED: "无服务",
    },
    decisions={
        Decision.DO_NOT_DISTURB: "已拒接：免打扰",
        Decision.BLOCKED: "已拒接：在黑名单中",
        Decision.NOT_ON_ALLOW_LIST: "已拒接：不在白名单中",
        Decision.ANONYMOUS: "已拒接：号码未显示",
        Decision.OUT_OF_HOURS: "已拒接：非接听时间",
        Decision.FORWARDED_ALWAYS: "已转移：全部来电转移",
        Decision.FORWARDED_BUSY: "已转移：您正在通话",
        Decision.FORWARDED_NO_ANSWER: "已转移：您未接听",
        Decision.PHONE_BUSY: "已拒接：您正在通话",
        Decision.BARRED: "未拨出：号码被禁止",
        Decision.AUTO_ANSWERED: "已自动接听",
    },
    transfers={
        TransferState.REQUESTED: "正在转接…",
        TransferState.RINGING: "对方振铃中…",
        TransferState.DONE: "已转接",
        TransferState.FAILED: "转接失败",
    },
    features={
        "do_not_disturb": "免打扰",
        "forward_always": "全部转移",
        "forward_busy": "遇忙转移",
        "forward_no_answer": "无应答转移",
        "reject_anonymous": "拒接匿名来电",
        "auto_answer": "自动接听",
        "auto_redial": "自动重拨",
        "block": "加入黑名单",
        "speed_dial": "速拨",
    },
)

TEXTS: Mapping[Language, Texts] = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}
