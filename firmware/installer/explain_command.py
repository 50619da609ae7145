"""`wecall explain`: what a holder's help code says, in sentences. It asks nobody and needs no network."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import click

from contract.help_code import CallVerdict, HelpCodeError, HelpFacts, Installed, LineFailure, NetworkLink, unpack
from contract.results import BundleResult
from firmware.phone.bundle_phrases import WITHOUT_CODE
from firmware.phone.bundle_reasons import reasons
from firmware.phone.update_phrases import update_reason

_NEVER: Final = "None was ever tried here."

_INSTALLED: Final = {
    Installed.CARD: "a card of ours, renewed by signed updates",
    Installed.PACKAGE: "a package, renewed by apt",
    Installed.OTHER: "neither card nor package",
}

_LINKS: Final = {
    NetworkLink.NONE: "None: neither cable nor Wi-Fi has an address. Check the plug, or the Wi-Fi's name and password.",
    NetworkLink.CABLE: "By cable.",
    NetworkLink.WIFI: "By Wi-Fi; how strong it is, is not known.",
    NetworkLink.WIFI_WEAK: "By Wi-Fi, which is weak. Move the phone or the access point, or use a cable.",
    NetworkLink.WIFI_FAIR: "By Wi-Fi of fair strength.",
    NetworkLink.WIFI_GOOD: "By Wi-Fi, which is strong.",
    NetworkLink.OTHER: "By something that is neither cable nor Wi-Fi.",
}

_FAILURES: Final = {
    LineFailure.NOTHING: "",
    LineFailure.WRONG_PASSWORD: " The server does not accept the password: send another bundle.",
    LineFailure.ACCOUNT_UNKNOWN: " The server does not know the account: check its user name.",
    LineFailure.SERVER_NOT_FOUND: " The server's name cannot be found: check the domain and the network's name server.",
    LineFailure.SERVER_UNREACHABLE: " The server does not answer: check whether others reach it, and any firewall.",
    LineFailure.CERTIFICATE_REJECTED: " The server's certificate is not trusted: check it, and the phone's clock.",
    LineFailure.NO_NETWORK: " The phone has no network.",
    LineFailure.REFUSED: " The server refuses the account: ask the operator why.",
}

_VERDICTS: Final = {
    CallVerdict.GOOD: "sounded good",
    CallVerdict.FAIR: "sounded fair",
    CallVerdict.POOR: "sounded bad: too many packets were lost or late",
    CallVerdict.NOT_MEASURED: "answered, too short to be measured",
    CallVerdict.NOT_ANSWERED: "not answered",
    CallVerdict.NETWORK_LOST: "cut off: one end no longer reached the other",
    CallVerdict.INTERRUPTED: "cut off: the phone itself stopped, as without power",
    CallVerdict.SERVER_ERROR: "failed: a server could not handle it",
    CallVerdict.UNREACHABLE: "failed: the called phone was not reached",
    CallVerdict.NOT_FOUND: "failed: nobody has that number",
    CallVerdict.NOT_ALLOWED: "not allowed by the server or by this phone",
    CallVerdict.NO_COMMON_CODEC: "failed: the phones share no format of sound",
    CallVerdict.ENCRYPTION_REQUIRED: "failed: one end takes encrypted sound only",
    CallVerdict.AUDIO_BLOCKED: "audio blocked: the phone's own firewall kept the sound out; see [nat] media_networks",
    CallVerdict.NOT_HEARD: "they heard nothing: what the phone sent did not arrive; check NAT and firewalls on the way",
    CallVerdict.NOTHING_HEARD: "the phone heard nothing: no sound arrived; check NAT and firewalls on the way",
}


@click.command()
@click.argument("digits", nargs=-1, required=True)
def explain(digits: tuple[str, ...]) -> None:
    """Say what the twenty DIGITS of a help code mean; blanks among them do not matter.

    A holder finds them on the phone: MENU, This phone, Diagnostics, OK. They name nobody.
    """
    try:
        facts = unpack(" ".join(digits))
    except HelpCodeError as error:
        raise click.ClickException(str(error)) from error
    for part, sentence in _sentences(facts):
        click.echo(f"{part:10} {sentence}")


def _sentences(facts: HelpFacts) -> Iterator[tuple[str, str]]:
    version = ".".join(map(str, facts.version))
    made = "" if facts.is_release else ", not a release,"
    yield "firmware", f"Version {version}{made} from {_INSTALLED[facts.installed]}."
    yield "network", _LINKS[facts.link]
    yield "line", f"{facts.line.value.capitalize()}.{_FAILURES[facts.failure]}"
    yield from _calls(facts)
    yield "bundle", _bundle(facts)
    yield "update", update_reason(facts.update).text if facts.update else _NEVER


def _calls(facts: HelpFacts) -> Iterator[tuple[str, str]]:
    if not facts.calls:
        yield "calls", "None is known."
        return
    yield "calls", f"The last {len(facts.calls)}, in no order:"
    for verdict, count in Counter(facts.calls).items():
        yield "", f"{count} {_VERDICTS[verdict]}"


def _bundle(facts: HelpFacts) -> str:
    if not facts.bundle:
        return _NEVER
    if isinstance(facts.bundle, BundleResult):
        return WITHOUT_CODE[facts.bundle].text
    return reasons(on_card=facts.installed is Installed.CARD)[facts.bundle].text
