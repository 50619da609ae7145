"""Says of each part of the handset whether it works and what to do if not."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from contract.results import BundleResult
from firmware.base.data_size import size_words
from firmware.base.errors import ConfigurationError, SipError
from firmware.configuration.loading import LoadedConfiguration, check_configuration
from firmware.configuration.standing import Standing
from firmware.phone.call import AudioTrouble, RegistrationFailure, RegistrationState
from firmware.phone.news import RegistrationChanged
from firmware.phone.pin import Guard, stolen_card, stolen_phone
from firmware.ports.broker import DailyTraffic
from firmware.ports.recording import SoundFormat
from provisioning.report import HardwareTest

STOLEN_CARD = "stolen card"
"""The part of which is said who can read it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part's condition.

    Attributes:
        part: which part.
        ok: whether it works.
        detail: what was found, a sentence.
        advice: what to do; empty where nothing is to be done.
    """

    part: str
    ok: bool
    detail: str
    advice: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as it goes over the admin socket."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FirmwareStanding:
    """Which firmware runs, what renews it, and what comes next.

    Attributes:
        runs: its version.
        how: it is installed: "card", "package" or "other".
        waits: the version that is announced or lies in a card's other slot; empty where none is.
        on_trial: what runs has not been found to work yet.
        went_back: the version that was tried last, where it did not work.
        has_source: apt knows the operator's repository.
    """

    runs: str
    how: str
    waits: str = ""
    on_trial: bool = False
    went_back: str = ""
    has_source: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What a running handset knows about its own parts.

    Attributes:
        configuration: what was loaded, and what was wrong with it.
        registration: the latest word of the registrar.
        device_faults: a sentence for each device that does not work, by part ("keypad", "display", ...).
        sound: how the audio loop has fared, in words.
        sound_format: how recordings are encoded, None where they cannot be.
        store_fault: why the store cannot be used, None where it can.
        store_opens_when: what it waits for before it opens, in words; empty where it waits for nothing.
        guards: what the thief of the memory card lacks; None where that is not known.
        ledger_fault: where the consent ledger does not verify, empty where it does.
        files_fault: why files for import that were to be erased are still there, empty where none are.
        waiting_messages: how many messages wait for the broker.
        broker_state: what sync reported last ("connected", "connecting", "refused", "unreachable"); None before that.
        broker_code: the reason that came with it.
        traffic: how much goes over the network for the broker; None where that cannot be read.
        clock_synchronised: whether a time service keeps the clock right.
        sip_build: what the SIP library can do, in words; None while it is not up.
        network: addresses, gateways and name servers, as voice sees them.
        sip_fault: why SIP cannot be used and what to do, None where it can.
        voice_away: what calls and sounds is not there, and is being started again.
        microphone_open: the microphone records although the phone wants none of it.
        sound_fault: why the firewall keeps the sound of some calls out, empty where it does not.
        trouble: why somebody hears nothing in the call that runs or, where none does, heard nothing in the last one.
        in_call: a call runs.
        speech_fault: why menus cannot be spoken, empty where they can.
        bundles: which bundle's configuration counts, and what became of the last one; None where none can be taken.
        version: of the firmware that runs.
        updates: how that stands; None where nobody updates this machine, or root has not said so.
        hardware: what the self-test found; None where nobody made it.
    """

    configuration: LoadedConfiguration
    registration: RegistrationChanged
    device_faults: Mapping[str, str] = field(default_factory=dict)
    sound: str = ""
    sound_format: SoundFormat | None = None
    store_fault: str | None = None
    store_opens_when: str = ""
    guards: frozenset[Guard] | None = None
    ledger_fault: str = ""
    files_fault: str = ""
    waiting_messages: int = 0
    broker_state: str | None = None
    broker_code: str = ""
    traffic: DailyTraffic | None = None
    clock_synchronised: bool = False
    sip_build: str | None = None
    network: tuple[tuple[str, str], ...] = ()
    sip_fault: str | None = None
    voice_away: bool = False
    microphone_open: bool = False
    sound_fault: str = ""
    trouble: AudioTrouble | None = None
    in_call: bool = False
    speech_fault: str = ""
    bundles: Standing | None = None
    version: str = ""
    updates: FirmwareStanding | None = None
    hardware: HardwareTest | None = None


_RENEWED_BY = {
    "card": "a card, renewed by stick or network",
    "package": "a package, renewed by apt",
    "other": "neither card nor package",
}

_RESTART = "Do so, and restart the handset: systemctl restart wecall-handset."

_DEVICE_ADVICE = {
    "audio": "Plug the sound card in; `aplay -L` lists the names that [sound] may use.",
    "ringer": "Check [ringer]: `aplay -L` lists the names that playback may have. Calls work without it.",
    "keypad": "Check the wiring against docs/wiring.md and that the user is in group gpio.",
    "hook switch": "Check the wiring against docs/wiring.md and that the user is in group gpio.",
    "display": "Check the wiring, that I2C or SPI is switched on, and that the user is in its group.",
    "indicator": "Check the wiring against docs/wiring.md and that the user is in group gpio.",
}

_REGISTRATION_ADVICE = {
    RegistrationFailure.WRONG_PASSWORD: (
        "Correct username and password in [[accounts]]. They are tried ever more rarely, at last once an hour; a "
        "restart tries them at once."
    ),
    RegistrationFailure.ACCOUNT_UNKNOWN: "Ask the operator whether the account exists; check username and domain.",
    RegistrationFailure.SERVER_NOT_FOUND: "Check the server's name in [[accounts]] and the network's DNS.",
    RegistrationFailure.SERVER_UNREACHABLE: "Check server, port and transport in [[accounts]], and any firewall.",
    RegistrationFailure.CERTIFICATE_REJECTED: "Check tls_ca in [[accounts]], the server's name, and the clock.",
    RegistrationFailure.NO_NETWORK: "Plug the network in or check the Wi-Fi.",
    RegistrationFailure.REFUSED: "Ask the operator why the server refuses this account.",
}

_REGISTRATION_WORDS = {
    RegistrationFailure.WRONG_PASSWORD: "The server does not accept the password.",
    RegistrationFailure.ACCOUNT_UNKNOWN: "The server does not know the account.",
    RegistrationFailure.SERVER_NOT_FOUND: "The server's name cannot be found.",
    RegistrationFailure.SERVER_UNREACHABLE: "The server does not answer.",
    RegistrationFailure.CERTIFICATE_REJECTED: "The server's certificate cannot be trusted.",
    RegistrationFailure.NO_NETWORK: "There is no network.",
    RegistrationFailure.REFUSED: "The server refuses the registration.",
}

_TROUBLES = {
    AudioTrouble.BLOCKED: (
        "Audio blocked: this phone's own firewall keeps the sound of {call} out.",
        "Look at media, media_networks and media_refused in [nat], and at `systemctl status wecall-media`.",
    ),
    AudioTrouble.NOT_HEARD: (
        "They hear nothing: the other end of {call} reports that nothing comes there.",
        "Check the firewalls and NAT between here and there, and what the server is set to about NAT.",
    ),
    AudioTrouble.NOTHING_HEARD: (
        "We hear nothing: nothing comes from the other end of {call}, which should send.",
        "Check the firewalls and NAT between here and there, and what the server is set to about NAT.",
    ),
}


def examine(condition: Condition) -> list[Finding]:
    """Judge a running handset, part by part."""
    return [
        *_configuration(condition.configuration),
        _bundle(condition.bundles),
        *_updates(condition.updates),
        _registrar(condition),
        _sip_build(condition),
        *(_device(part, condition) for part in _DEVICE_ADVICE),
        *_sound(condition),
        *_microphone(condition),
        *_hardware(condition.hardware),
        _store(condition),
        *_stolen(condition),
        _ledger(condition),
        *_files(condition),
        _broker(condition),
        _clock(condition),
        _speech(condition),
        _recordings(condition),
    ]


def examine_at_rest(configuration: Path, why_not_running: str) -> list[Finding]:
    """Judge what can be judged while no handset answers on the admin socket."""
    findings = [Finding("handset", False, why_not_running, "Start it: systemctl start wecall-handset")]
    try:
        check_configuration(configuration.read_text(encoding="utf-8"))
    except ConfigurationError as error:
        findings += [Finding("config", False, mistake, f"Correct it in {configuration}.") for mistake in error.mistakes]
    except FileNotFoundError:
        findings.append(Finding("config", False, f"There is no configuration at {configuration}.", "Put one there."))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        findings.append(
            Finding(
                "config",
                False,
                f"{configuration} cannot be read: {reason}.",
                f"See what it is and who may read it: ls -l {configuration}",
            )
        )
    else:
        findings.append(Finding("config", True, f"{configuration} has no mistakes."))
    findings.append(_library())
    return findings


def _library() -> Finding:
    try:
        from firmware.voice.sip import native  # noqa: PLC0415 - loads the library

        return Finding("sip build", True, f"The SIP library is {', '.join(native.linked())}.")
    except ImportError:
        advice = "Install the handset's package, or the wheel that `make engine` makes."
        return Finding("sip build", False, "No SIP library: pjsua2 is not installed.", advice)
    except SipError as error:
        return Finding("sip build", False, str(error), _RESTART)


def _configuration(loaded: LoadedConfiguration) -> Iterable[Finding]:
    if not loaded.mistakes:
        yield Finding("config", True, "The configuration has no mistakes.")
    running = "the last good one runs in its place" if loaded.from_last_good else "there is none to run with"
    for mistake in loaded.mistakes:
        yield Finding("config", False, mistake, f"Correct it and restart; until then {running}.")
    if loaded.chosen_country == "":
        yield Finding(
            "country", False, "The configuration does not say the country, and nobody has chosen it on the display.",
            'Write country = "AT", or whichever it is, into [device], or choose it on the display.',
        )  # fmt: skip


def _bundle(standing: Standing | None) -> Finding:
    if standing is None:
        return Finding(
            "bundle", False, "The handset's own keys cannot be used, so it takes no bundles.",
            "See its journal; deleting the folder `provisioning/identity` makes other keys at the next start.",
        )  # fmt: skip
    detail = counting_words(standing)
    ended = standing.ended
    if ended is not None and ended.result is BundleResult.REVERTED and standing.trial is None:
        # What counts works; whoever sent the other one wants to know.
        return Finding(
            "bundle", True, f"{detail} Bundle {ended.number} was tried and did not work ({ended.code}).",
            "Mend it and sign it with a higher number.",
        )  # fmt: skip
    return Finding("bundle", True, detail)


def counting_words(standing: Standing) -> str:
    """Say which configuration counts."""
    which = "No bundle's configuration" if standing.active is None else f"The configuration of bundle {standing.active}"
    trial = "" if standing.trial is None else f" Bundle {standing.trial.number} is being tried."
    return f"{which} counts.{trial}"


def firmware_words(standing: FirmwareStanding) -> str:
    """Say which firmware runs, how it is installed, what waits, and whether the last one went back."""
    trial = ", on trial" if standing.on_trial else ""
    waits = f" {standing.waits} waits." if standing.waits else ""
    went_back = f" {standing.went_back} did not work and went back." if standing.went_back else ""
    return f"{standing.runs}{trial}: {_RENEWED_BY[standing.how]}.{waits}{went_back}"


def _updates(standing: FirmwareStanding | None) -> Iterable[Finding]:
    if standing is None:
        return
    advice = "Publish a higher version, with what was wrong mended." if standing.went_back else ""
    if standing.how == "package" and not standing.has_source:
        advice = (
            "No repository is set up, so nothing renews this phone: put the operator's wecall.sources into "
            "/etc/apt/sources.list.d."
        )
    # What runs works; whoever looks after the phone wants to know.
    yield Finding("updates", True, firmware_words(standing), advice)


def _registrar(condition: Condition) -> Finding:
    registration = condition.registration
    if condition.configuration.configuration is None:
        return Finding("registrar", False, "No account is set up.", "Provision the handset.")
    match registration.state:
        case RegistrationState.REGISTERED:
            return Finding("registrar", True, "Registered.")
        case RegistrationState.FAILED if registration.failure is not None:
            words = _REGISTRATION_WORDS[registration.failure]
            code = f" (SIP {registration.sip_code})" if registration.sip_code else ""
            return Finding("registrar", False, words + code, _REGISTRATION_ADVICE[registration.failure])
        case _:
            return Finding("registrar", False, "Not registered yet.", "Wait a moment and ask again.")


def _sip_build(condition: Condition) -> Finding:
    if condition.voice_away:
        return Finding(
            "sip build", False, "The line is starting again.",
            "Wait a moment and ask again; journalctl -u wecall-voice says why it ended.",
        )  # fmt: skip
    if condition.sip_fault:
        return Finding("sip build", False, condition.sip_fault, _RESTART)
    if condition.sip_build is None:
        return Finding("sip build", False, "The SIP library is not loaded yet.", "Wait a moment and ask again.")
    return Finding("sip build", True, condition.sip_build)


def _device(part: str, condition: Condition) -> Finding:
    if fault := condition.device_faults.get(part):
        return Finding(part, False, fault, _DEVICE_ADVICE[part])
    return Finding(part, True, condition.sound if part == "audio" and condition.sound else "Works.")


def _sound(condition: Condition) -> Iterable[Finding]:
    if condition.sound_fault:
        yield Finding("call audio", False, condition.sound_fault, "Run `sudo systemctl restart wecall-media`.")
    if condition.trouble is not None:
        which = "the call that runs" if condition.in_call else "the last call"
        words, advice = _TROUBLES[condition.trouble]
        yield Finding("call audio", False, words.format(call=which), advice)


def _microphone(condition: Condition) -> Iterable[Finding]:
    if condition.microphone_open:
        yield Finding(
            "microphone", False, "The microphone is on without a call.",
            "Unplug it, or switch the phone off, until you know why.",
        )  # fmt: skip


def _hardware(test: HardwareTest | None) -> Iterable[Finding]:
    if test is None:
        return
    when = f"{test.tested_at:%Y-%m-%d}"
    bad = [" ".join((check.part, *check.keys)) for check in test.checks if not check.passed]
    if not bad:
        yield Finding("self-test", True, f"Every part worked in the self-test of {when}.")
    else:
        yield Finding(
            "self-test", False, f"In the self-test of {when} this did not work: {', '.join(bad)}.",
            "Check the wires and the pins, then test again: MENU, This phone, Self-test.",
        )  # fmt: skip


def _store(condition: Condition) -> Finding:
    if condition.store_fault:
        return Finding(
            "store", False, condition.store_fault,
            "Calls work without it. Free space on the disk, or restore the store and its key together.",
        )  # fmt: skip
    if condition.store_opens_when:
        words = f"Closed until {condition.store_opens_when}. Calls work and will be in the log."
        return Finding("store", True, words)
    return Finding("store", True, "Open and encrypted.")


def _stolen(condition: Condition) -> Iterable[Finding]:
    if condition.guards is None:
        return
    detail = f"{stolen_card(condition.guards)} {stolen_phone(condition.guards)}"
    # Not a fault: it is for the holder to choose between this and typing a PIN after each power cut.
    yield Finding(
        STOLEN_CARD, True, detail,
        "" if condition.guards else "Have the holder switch on MENU, Settings, Lock, PIN at start; docs/security.md "
        "says what else there is.",
    )  # fmt: skip


def _ledger(condition: Condition) -> Finding:
    if condition.ledger_fault:
        return Finding(
            "consents", False, condition.ledger_fault,
            "Calls work; nothing counts as granted, nothing can be answered. Restore a copy of the store, or reset the "
            "phone to begin a new ledger.",
        )  # fmt: skip
    return Finding("consents", True, "The ledger verifies.")


def _files(condition: Condition) -> Iterable[Finding]:
    if condition.files_fault:
        yield Finding(
            "files", False, condition.files_fault,
            "Calls work. See who owns the files, and whether the folder is a mount: findmnt and ls -l say so.",
        )  # fmt: skip


def _broker(condition: Condition) -> Finding:
    configuration = condition.configuration.configuration
    waiting = f"{condition.waiting_messages} message(s) wait." if condition.waiting_messages else "Nothing waits."
    if configuration is None or configuration.sync is None:
        return Finding("broker", True, "No broker is configured; nothing is sent.")
    match condition.broker_state:
        case "connected":
            return Finding("broker", True, " ".join(("Connected.", waiting, *_daily(condition.traffic))))
        case "refused":
            return Finding(
                "broker", False, f"The broker refuses this handset ({condition.broker_code}). {waiting}",
                "Check certificate and key in [sync], and the broker's access list.",
            )  # fmt: skip
        case "unreachable":
            return Finding(
                "broker", False, f"The broker cannot be reached ({condition.broker_code}). {waiting}",
                "Check host, port and ca in [sync], and the network.",
            )  # fmt: skip
        case _:
            return Finding(
                "broker", False, f"Not connected. {waiting}",
                "Start the sync service: systemctl start wecall-sync",
            )  # fmt: skip


def _daily(traffic: DailyTraffic | None) -> tuple[str, ...]:
    if traffic is None or not traffic.days:
        return ()
    return (f"{size_words(traffic.average.sent_bytes + traffic.average.received_bytes)} go over the network a day.",)


def _clock(condition: Condition) -> Finding:
    if condition.clock_synchronised:
        return Finding("clock", True, "Kept right by a time service.")
    return Finding(
        "clock", False, "No time service keeps the clock right; call records say so.",
        "Check the network and systemd-timesyncd.",
    )  # fmt: skip


def _recordings(condition: Condition) -> Finding:
    part, advice = "recordings", "apt install libopus0"
    match condition.sound_format:
        case SoundFormat.OPUS:
            return Finding(part, True, "Recordings of calls are Ogg Opus.")
        case SoundFormat.FLAC:
            return Finding(part, True, "Recordings of calls are FLAC, which takes seven times the room.", advice)
        case None:
            return Finding(part, False, "Calls cannot be recorded, because there is no encoder.", advice)


def _speech(condition: Condition) -> Finding:
    if condition.speech_fault:
        # Few want it, and the phone is whole without it.
        return Finding("speech", True, condition.speech_fault, "For spoken menus: apt install espeak-ng")
    return Finding("speech", True, "Menus can be spoken.")
