"""What a report says to people, in both languages; every sentence that tells of a failure says what to do about it."""

from collections.abc import Mapping
from typing import Final

from provisioning.refusal import BundleRefusal
from provisioning.report import CheckCode, CheckName, Language, ReportResult

_InBoth = Mapping[Language, str]

TITLE: Final[_InBoth] = {"en": "WeCall Handset: what became of the bundle", "zh": "WeCall 话机：配置包处理结果"}

HEAD: Final[_InBoth] = {
    "en": "Handset {serial}\nBundle number: {number}\nFirmware: {firmware}\nHandset's clock: {made_at} UTC",
    "zh": "话机 {serial}\n配置包编号：{number}\n固件：{firmware}\n话机时间：{made_at} UTC",
}

NO_NUMBER: Final[_InBoth] = {"en": "none could be read", "zh": "无法读取"}

CHECKED: Final[_InBoth] = {"en": "What was tried:", "zh": "检查项目："}

WHAT_SENT_IT_BACK: Final[_InBoth] = {
    "en": "What did not work: {check}. Mend it, and sign the bundle with a higher number.",
    "zh": "未通过：{check}。请修正后用更高的编号重新签名。",
}

RESULTS: Final[Mapping[ReportResult, _InBoth]] = {
    ReportResult.APPLIED: {"en": "Done. The bundle is in use.", "zh": "完成。配置包已生效。"},
    ReportResult.REFUSED: {
        "en": "Refused. Nothing was changed.",
        "zh": "已拒绝。未作任何更改。",
    },
    ReportResult.REVERTED: {
        "en": "Tried, and taken back. What was in use before is in use again.",
        "zh": "已试用并撤回。已恢复之前的配置。",
    },
    ReportResult.INTERRUPTED: {
        "en": "Interrupted. What was in use before is in use. Plug the stick in once more.",
        "zh": "已中断。之前的配置仍在使用。请重新插入U盘。",
    },
    ReportResult.NOTHING_TO_DO: {
        "en": "Nothing to do. There is nothing on the stick that this handset does not have.",
        "zh": "无需处理。U盘上没有此话机需要的新内容。",
    },
}

CHECKS: Final[Mapping[CheckName, _InBoth]] = {
    CheckName.NETWORK: {"en": "network settings", "zh": "网络设置"},
    CheckName.FIRMWARE: {"en": "firmware", "zh": "固件"},
    CheckName.LINES: {"en": "line", "zh": "线路"},
    CheckName.BROKER: {"en": "broker", "zh": "消息服务器"},
    CheckName.SOUND: {"en": "sound", "zh": "声音"},
    CheckName.MICROPHONE: {"en": "microphone", "zh": "麦克风"},
    CheckName.START: {"en": "start", "zh": "启动"},
    CheckName.CONTACTS: {"en": "contacts", "zh": "联系人"},
    CheckName.PICTURES: {"en": "pictures", "zh": "图片"},
    CheckName.DOCUMENTS: {"en": "policies and notices", "zh": "政策和通知"},
    CheckName.RING_TONES: {"en": "ring tones", "zh": "铃声"},
    CheckName.CLOCK: {"en": "clock", "zh": "时钟"},
}

FOUND: Final[Mapping[CheckCode, _InBoth]] = {
    CheckCode.OK: {"en": "works", "zh": "正常"},
    CheckCode.TIMED_OUT: {
        "en": "no answer in time. See whether the server runs, and whether the network lets this through.",
        "zh": "未及时应答。请检查服务器是否运行、网络是否放行。",
    },
    CheckCode.NOT_FOUND: {
        "en": "the server's name is not known. Check its spelling and the network's name server.",
        "zh": "找不到服务器名称。请检查拼写和网络的域名服务器。",
    },
    CheckCode.UNREACHABLE: {
        "en": "the server cannot be reached. Check the cable or the Wi-Fi, the address and the port.",
        "zh": "无法连接服务器。请检查网线或Wi-Fi、地址和端口。",
    },
    CheckCode.REFUSED: {
        "en": "the server refuses this handset. Check the user name and the password, or the certificate.",
        "zh": "服务器拒绝此话机。请检查用户名和密码，或证书。",
    },
    CheckCode.NOT_TRUSTED: {
        "en": "the server's certificate is not trusted. Put the authority's certificate into the bundle.",
        "zh": "服务器证书不受信任。请将签发机构的证书放入配置包。",
    },
    CheckCode.NOT_OPENED: {
        "en": "the device does not open. Check the names of the audio devices.",
        "zh": "设备无法打开。请检查音频设备名称。",
    },
    CheckCode.NOT_INSTALLED: {
        "en": "it could not be installed. The handset's log says why.",
        "zh": "无法安装。原因见话机日志。",
    },
    CheckCode.NOT_TAKEN: {
        "en": "the handset's part that has root does not take this bundle; `journalctl -u wecall-apply` says why. "
        "Where the handset changes operators, run there first: `sudo wecall config forget-operator`.",
        "zh": "话机中具有root权限的部分不接受此配置包，原因见 `journalctl -u wecall-apply`。如需更换运营商，"
        "请先在话机上运行：`sudo wecall config forget-operator`。",
    },
    CheckCode.NOT_JOINED: {
        "en": "a Wi-Fi network in reach does not let the handset in. Check its password, and `security`: WPA2 or WPA3.",
        "zh": "范围内的Wi-Fi网络不允许此话机加入。请检查密码，以及加密方式是WPA2还是WPA3。",
    },
    CheckCode.UNHEALTHY: {
        "en": "the handset did not run well with it. The handset's log says why.",
        "zh": "话机运行不正常。原因见话机日志。",
    },
    CheckCode.NOT_AGREED: {
        "en": "the holder has not agreed to this. Ask them to (Menu, Privacy), and bring it with the next bundle.",
        "zh": "用户尚未同意。请用户同意（菜单、隐私）后，随下一个配置包再次导入。",
    },
    CheckCode.IN_PART: {
        "en": "some of it could not be taken in. The handset's log says why.",
        "zh": "部分内容无法导入。原因见话机日志。",
    },
    CheckCode.BEHIND: {
        "en": "it is behind: it shows a time that is over for certain, so the handset went by the latest that it has "
        "proof of. Connect the handset to its network, where a time server sets the clock.",
        "zh": "时钟落后于已确知的时间，话机以可证实的最晚时间为准。请将话机接入网络，由时间服务器校准时钟。",
    },
    CheckCode.UNSUPPORTED: {
        "en": "this firmware cannot do that. Leave it out.",
        "zh": "此固件不支持。请去掉该内容。",
    },
    CheckCode.FAILED: {"en": "it failed. The handset's log says why.", "zh": "失败。原因见话机日志。"},
}

REFUSALS: Final[Mapping[BundleRefusal, _InBoth]] = {
    BundleRefusal.TOO_LARGE: {
        "en": "It, or something in it, is too large. Leave something out.",
        "zh": "配置包或其中的内容过大。请减少内容。",
    },
    BundleRefusal.UNREADABLE: {
        "en": "It is damaged, or was not made by our tools. Copy it to the stick once more.",
        "zh": "已损坏，或不是用本项目的工具制作。请重新复制到U盘。",
    },
    BundleRefusal.UNSUPPORTED: {
        "en": "It was made for newer firmware. Update this handset first.",
        "zh": "需要更新的固件。请先更新此话机。",
    },
    BundleRefusal.UNKNOWN_KEY: {
        "en": "This handset does not trust its signer. Sign it with a key that the handset's configuration names. "
        "Where the handset changes operators, run there first: `sudo wecall config forget-operator`.",
        "zh": "此话机不信任签名者。请用话机配置中的密钥签名。如需更换运营商，请先在话机上运行："
        "`sudo wecall config forget-operator`。",
    },
    BundleRefusal.FORGED: {
        "en": "The signature does not fit: it was damaged or changed. Copy it to the stick once more.",
        "zh": "签名不符：已损坏或被改动。请重新复制到U盘。",
    },
    BundleRefusal.FIRMWARE_NOT_SIGNED_FOR: {
        "en": "There is firmware in it, which its signer may not sign. Use another key, or leave the firmware out.",
        "zh": "其中含有固件，而签名者无权签署固件。请换用其他密钥，或去掉固件。",
    },
    BundleRefusal.FIRMWARE_BY_NETWORK: {
        "en": "There is firmware in it, which comes by stick only.",
        "zh": "其中含有固件，固件只能通过U盘更新。",
    },
    BundleRefusal.WRONG_SERIAL: {
        "en": "It is for other handsets. Add this one's serial, or bring its own bundle.",
        "zh": "此配置包用于其他话机。请加入此话机的序列号，或使用其专用的配置包。",
    },
    BundleRefusal.WRONG_FLEET: {
        "en": "It is for handsets of another fleet.",
        "zh": "此配置包用于另一组话机。",
    },
    BundleRefusal.EXPIRED: {
        "en": "Its time is over. Sign a new one, or check the handset's clock.",
        "zh": "已过期。请重新签名，或检查话机时间。",
    },
    BundleRefusal.NOT_YET_VALID: {
        "en": "It is from the future. Check the clock of the computer that signed it.",
        "zh": "签名时间在未来。请检查签名电脑的时钟。",
    },
    BundleRefusal.OLD: {
        "en": "This handset has had a newer one. Sign it with a higher number.",
        "zh": "此话机已有更新的配置包。请用更高的编号签名。",
    },
    BundleRefusal.REVERTED_BEFORE: {
        "en": "It was tried before and did not work. Mend it, and sign it with a higher number.",
        "zh": "此前试用未成功。请修正后用更高的编号签名。",
    },
    BundleRefusal.MISTAKES: {
        "en": "There are mistakes in it. `wecall bundle check` shows all of them.",
        "zh": "内容有错误。运行 `wecall bundle check` 可查看全部错误。",
    },
    BundleRefusal.LOCKED_OUT: {
        "en": "Its configuration trusts no key with bundles: no later one could be taken. Add [trust].",
        "zh": "其配置没有可签署配置包的密钥，以后将无法更新。请补充 [trust]。",
    },
    BundleRefusal.NO_SECRETS: {
        "en": "Passwords are missing. Seal them to this handset or to a code: `wecall bundle seal`.",
        "zh": "缺少密码。请用 `wecall bundle seal` 为此话机或用代码封装。",
    },
    BundleRefusal.SEALED_FOR_ANOTHER: {
        "en": "The passwords are sealed for another handset. Collect this one's identity and seal them to it.",
        "zh": "密码是为其他话机封装的。请采集此话机的身份文件并重新封装。",
    },
    BundleRefusal.WRONG_CODE: {
        "en": "The code that was typed is wrong. It is on the sheet that came with the stick.",
        "zh": "输入的代码有误。代码在随U盘附带的单据上。",
    },
    BundleRefusal.NOT_ACCEPTED: {
        "en": "Nobody accepted it on the keypad. Plug the stick in once more.",
        "zh": "没有人在键盘上确认。请重新插入U盘。",
    },
    BundleRefusal.BUSY: {
        "en": "Another bundle is being taken. Wait until that is done, and plug the stick in once more.",
        "zh": "正在处理另一个配置包。请等待完成后重新插入U盘。",
    },
    BundleRefusal.NO_SPACE: {
        "en": "The handset's card is full. Delete recordings, and plug the stick in once more.",
        "zh": "话机存储已满。请删除录音后重新插入U盘。",
    },
    BundleRefusal.FAILED: {
        "en": "The handset could not do it. Its log says why.",
        "zh": "话机无法完成。原因见话机日志。",
    },
}
