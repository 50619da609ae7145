"""The report of a bundle for people, in both languages; what failed comes with what to do about it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from contract.results import BundleResult, CheckCode, CheckName, HardwarePart, OutcomeCode
from firmware.display.translation import Language, translator
from firmware.phone.bundle_reasons import other_fleet, reasons
from firmware.phone.update_phrases import update_reason
from provisioning.report import Check, HardwareCheck, Report

_InBoth = Mapping[Language, str]
_EN: Final = Language.ENGLISH
_ZH: Final = Language.CHINESE

_TITLE: Final[_InBoth] = {_EN: "WeCall Handset: what became of the bundle", _ZH: "WeCall 话机：配置包处理结果"}

_HEAD: Final[_InBoth] = {
    _EN: "Handset {serial}\nBundle number: {number}\nFirmware: {firmware}\nHandset's clock: {made_at} UTC",
    _ZH: "话机 {serial}\n配置包编号：{number}\n固件：{firmware}\n话机时间：{made_at} UTC",
}

_NO_NUMBER: Final[_InBoth] = {_EN: "none could be read", _ZH: "无法读取"}

_CHECKED: Final[_InBoth] = {_EN: "What was tried:", _ZH: "检查项目："}

_WHAT_SENT_IT_BACK: Final[_InBoth] = {
    _EN: "What did not work: {check}. Mend it, and sign the bundle with a higher number.",
    _ZH: "未通过：{check}。请修正后用更高的编号重新签名。",
}

_UPDATE: Final[_InBoth] = {_EN: "Update {version}", _ZH: "更新 {version}"}
_COLON: Final[_InBoth] = {_EN: ": ", _ZH: "："}
_UPDATE_IS_IN: Final = frozenset({OutcomeCode.INSTALLED, OutcomeCode.APPLIED, OutcomeCode.NOT_NEWER})

_RESULTS: Final[Mapping[BundleResult, _InBoth]] = {
    BundleResult.APPLIED: {_EN: "Done. The bundle is in use.", _ZH: "完成。配置包已生效。"},
    BundleResult.REFUSED: {
        _EN: "Refused. Nothing was changed.",
        _ZH: "已拒绝。未作任何更改。",
    },
    BundleResult.REVERTED: {
        _EN: "Tried, and taken back. What was in use before is in use again.",
        _ZH: "已试用并撤回。已恢复之前的配置。",
    },
    BundleResult.INTERRUPTED: {
        _EN: "Interrupted. What was in use before is in use. Plug the stick in once more.",
        _ZH: "已中断。之前的配置仍在使用。请重新插入U盘。",
    },
    BundleResult.NOTHING_TO_DO: {
        _EN: "Nothing to do. There is nothing on the stick that this handset does not have.",
        _ZH: "无需处理。U盘上没有此话机需要的新内容。",
    },
}

_CHECKS: Final[Mapping[CheckName, _InBoth]] = {
    CheckName.NETWORK: {_EN: "network settings", _ZH: "网络设置"},
    CheckName.FIRMWARE: {_EN: "firmware", _ZH: "固件"},
    CheckName.LINES: {_EN: "line", _ZH: "线路"},
    CheckName.BROKER: {_EN: "broker", _ZH: "消息服务器"},
    CheckName.SOUND: {_EN: "sound", _ZH: "声音"},
    CheckName.MICROPHONE: {_EN: "microphone", _ZH: "麦克风"},
    CheckName.START: {_EN: "start", _ZH: "启动"},
    CheckName.CONTACTS: {_EN: "contacts", _ZH: "联系人"},
    CheckName.PICTURES: {_EN: "pictures", _ZH: "图片"},
    CheckName.DOCUMENTS: {_EN: "policies and notices", _ZH: "政策和通知"},
    CheckName.RING_TONES: {_EN: "ring tones", _ZH: "铃声"},
    CheckName.CLOCK: {_EN: "clock", _ZH: "时钟"},
    CheckName.HARDWARE: {_EN: "hardware", _ZH: "硬件"},
}

_PARTS: Final[Mapping[HardwarePart, _InBoth]] = {
    HardwarePart.KEYS: {_EN: "keypad", _ZH: "键盘"},
    HardwarePart.HOOK: {_EN: "hook switch", _ZH: "叉簧"},
    HardwarePart.EAR: {_EN: "earpiece", _ZH: "听筒"},
    HardwarePart.MICROPHONE: {_EN: "microphone", _ZH: "麦克风"},
    HardwarePart.RING: {_EN: "ringer", _ZH: "振铃"},
    HardwarePart.LIGHT: {_EN: "indicator", _ZH: "指示灯"},
}

_TESTED: Final[_InBoth] = {
    _EN: "Hardware, by the self-test of {tested_at} UTC:",
    _ZH: "硬件，自检时间 {tested_at} UTC：",
}
_NEVER_CAME: Final[_InBoth] = {_EN: " Keys that never came: {keys}.", _ZH: "未响应的按键：{keys}。"}

FOUND: Final[Mapping[CheckCode, _InBoth]] = {
    CheckCode.OK: {_EN: "works", _ZH: "正常"},
    CheckCode.TIMED_OUT: {
        _EN: "no answer in time. See whether the server runs, and whether the network lets this through.",
        _ZH: "未及时应答。请检查服务器是否运行、网络是否放行。",
    },
    CheckCode.NOT_FOUND: {
        _EN: "the server's name is not known. Check its spelling and the network's name server.",
        _ZH: "找不到服务器名称。请检查拼写和网络的域名服务器。",
    },
    CheckCode.UNREACHABLE: {
        _EN: "the server cannot be reached. Check the cable or the Wi-Fi, the address and the port.",
        _ZH: "无法连接服务器。请检查网线或Wi-Fi、地址和端口。",
    },
    CheckCode.REFUSED: {
        _EN: "the server refuses this handset. Check the user name and the password, or the certificate.",
        _ZH: "服务器拒绝此话机。请检查用户名和密码，或证书。",
    },
    CheckCode.NOT_TRUSTED: {
        _EN: "the server's certificate is not trusted. Put the authority's certificate into the bundle.",
        _ZH: "服务器证书不受信任。请将签发机构的证书放入配置包。",
    },
    CheckCode.NOT_OPENED: {
        _EN: "the device does not open. Check the names of the audio devices.",
        _ZH: "设备无法打开。请检查音频设备名称。",
    },
    CheckCode.NOT_INSTALLED: {
        _EN: "it could not be installed. The handset's log says why.",
        _ZH: "无法安装。原因见话机日志。",
    },
    CheckCode.NOT_TAKEN: {
        _EN: "the handset's part that has root does not take this bundle; `journalctl -u wecall-apply` says why. "
        "Where the handset changes operators, run there first: `sudo wecall config forget-operator`.",
        _ZH: "话机中具有root权限的部分不接受此配置包，原因见 `journalctl -u wecall-apply`。如需更换运营商，"
        "请先在话机上运行：`sudo wecall config forget-operator`。",
    },
    CheckCode.NOT_JOINED: {
        _EN: "a Wi-Fi network in reach does not let the handset in. Check its password, and `security`: WPA2 or WPA3.",
        _ZH: "范围内的Wi-Fi网络不允许此话机加入。请检查密码，以及加密方式是WPA2还是WPA3。",
    },
    CheckCode.UNHEALTHY: {
        _EN: "the handset did not run well with it. The handset's log says why.",
        _ZH: "话机运行不正常。原因见话机日志。",
    },
    CheckCode.NOT_AGREED: {
        _EN: "the holder has not agreed to this. Ask them to (Menu, Privacy), and bring it with the next bundle.",
        _ZH: "用户尚未同意。请用户同意（菜单、隐私）后，随下一个配置包再次导入。",
    },
    CheckCode.IN_PART: {
        _EN: "some of it could not be taken in. The handset's log says why.",
        _ZH: "部分内容无法导入。原因见话机日志。",
    },
    CheckCode.BEHIND: {
        _EN: "it is behind: it shows a time that is over for certain, so the handset went by the latest that it has "
        "proof of. Connect the handset to its network, where a time server sets the clock.",
        _ZH: "时钟落后于已确知的时间，话机以可证实的最晚时间为准。请将话机接入网络，由时间服务器校准时钟。",
    },
    CheckCode.NOT_NOTICED: {
        _EN: "whoever tested it noticed nothing of it. Check its wires, and its pins or its device in the "
        "configuration; then test again: Menu, This phone, Self-test.",
        _ZH: "测试人员未察觉其工作。请检查接线，以及配置中的引脚或设备，然后重新测试：菜单、本机、自检。",
    },
    CheckCode.NOT_TRIED: {
        _EN: "it could not be tried, as the handset was never lifted. Mend the hook switch first.",
        _ZH: "听筒从未拿起，无法测试。请先修复叉簧。",
    },
    CheckCode.UNSUPPORTED: {
        _EN: "this firmware cannot do that. Leave it out.",
        _ZH: "此固件不支持。请去掉该内容。",
    },
    CheckCode.FAILED: {_EN: "it failed. The handset's log says why.", _ZH: "失败。原因见话机日志。"},
}

MORE: Final[Mapping[OutcomeCode, _InBoth]] = {
    OutcomeCode.UNKNOWN_KEY: {
        _EN: "Where the handset changes operators, run there first: `sudo wecall config forget-operator`.",
        _ZH: "如需更换运营商，请先在话机上运行：`sudo wecall config forget-operator`。",
    },
    OutcomeCode.FIRMWARE_NOT_SIGNED_FOR: {_EN: "Or leave the firmware out.", _ZH: "或去掉固件。"},
    OutcomeCode.WRONG_SERIAL: {_EN: "Or bring this handset's own bundle.", _ZH: "或使用其专用的配置包。"},
    OutcomeCode.EXPIRED: {_EN: "Or check the handset's clock.", _ZH: "或检查话机时间。"},
    OutcomeCode.REVERTED_BEFORE: {_EN: "Mend it first.", _ZH: "请先修正。"},
    OutcomeCode.MISTAKES: {
        _EN: "`wecall bundle check` shows all of them.",
        _ZH: "运行 `wecall bundle check` 可查看全部错误。",
    },
    OutcomeCode.NO_SECRETS: {
        _EN: "`wecall bundle seal` seals them to this handset or to a code.",
        _ZH: "`wecall bundle seal` 可为此话机或用代码封装。",
    },
    OutcomeCode.SEALED_FOR_ANOTHER: {
        _EN: "Collect this one's identity and seal them to it.",
        _ZH: "请采集此话机的身份文件并为其封装。",
    },
    OutcomeCode.WRONG_CODE: {
        _EN: "The code is on the sheet that came with the stick.",
        _ZH: "代码在随U盘附带的单据上。",
    },
    OutcomeCode.NO_SPACE: {
        _EN: "Delete recordings, and plug the stick in once more.",
        _ZH: "请删除录音后重新插入U盘。",
    },
}
"""What the display, whose words the report has of why a bundle was refused, has no room for."""


def report_text(report: Report, language: Language, *, on_card: bool = False) -> str:
    """Say what became of the bundle, each check, and what to do; `on_card` where this phone runs from a card."""
    number = _NO_NUMBER[language] if report.number is None else str(report.number)
    had_bundle = report.number is not None or report.code or not report.update
    lines = [
        _TITLE[language],
        "",
        _HEAD[language].format(
            serial=report.serial,
            number=number,
            firmware=report.firmware,
            made_at=_minute(report.made_at),
        ),
    ]
    if had_bundle:
        lines += ["", _RESULTS[report.result][language]]
    if isinstance(report.code, OutcomeCode):
        lines += _reason(report, report.code, language, on_card=on_card)
    elif report.code:
        lines.append(_WHAT_SENT_IT_BACK[language].format(check=_CHECKS[report.code][language]))
    hardware = [check for check in report.checks if isinstance(check, HardwareCheck)]
    if tried := [check for check in report.checks if check not in hardware]:
        lines += ["", _CHECKED[language], *(_check_line(check, language) for check in tried)]
    if hardware and report.tested_at is not None:
        tested = _TESTED[language].format(tested_at=_minute(report.tested_at))
        lines += ["", tested, *(_check_line(check, language) for check in hardware)]
    if report.update:
        lines += ["", _update_line(report, report.update, language)]
    return "\n".join(lines) + "\n"


def has_failed(report: Report) -> bool:
    """Tell whether a bundle was not applied, or an update beside it not taken."""
    is_applied = report.result in {BundleResult.APPLIED, BundleResult.NOTHING_TO_DO}
    return not is_applied or (report.update != "" and report.update not in _UPDATE_IS_IN)


def what_failed(report: Report, language: Language) -> str:
    """Say in a line what did not work, and what to do, in the words of the report; nothing where all did."""
    failed = [_found(check, language) for check in report.checks if not check.passed]
    said: list[str] = []
    if isinstance(report.code, OutcomeCode):
        said += _reason(report, report.code, language, on_card=False)
    elif report.code and not failed:
        said.append(_WHAT_SENT_IT_BACK[language].format(check=_CHECKS[report.code][language]))
    elif report.result is BundleResult.INTERRUPTED:
        said.append(_RESULTS[report.result][language])
    said += failed
    if report.update and report.update not in _UPDATE_IS_IN:
        said.append(_update_line(report, report.update, language))
    return " ".join(said)


def _reason(report: Report, code: OutcomeCode, language: Language, *, on_card: bool) -> list[str]:
    reason = (
        other_fleet(report.bundle_fleet, report.own_fleet) if report.bundle_fleet else reasons(on_card=on_card)[code]
    )
    return [translator(language).say(reason), *([MORE[code][language]] if code in MORE else [])]


def _found(check: Check, language: Language) -> str:
    name, found = _CHECKS[check.name][language], FOUND[check.code][language]
    if check.line:
        name += f" {check.line}"
    if isinstance(check, HardwareCheck):
        name = _PARTS[check.part][language]
        if check.keys:
            found += _NEVER_CAME[language].format(keys=" ".join(check.keys))
    return f"{name}: {found}"


def _check_line(check: Check, language: Language) -> str:
    return f"  {'+' if check.passed else '!'} {_found(check, language)}"


def _update_line(report: Report, code: OutcomeCode, language: Language) -> str:
    said = translator(language).say(update_reason(code))
    return _UPDATE[language].format(version=report.version).rstrip() + _COLON[language] + said


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"
