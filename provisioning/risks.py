"""What a configuration may say, but whoever sets up handsets should know of: each is a warning with its place."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from provisioning.broker import Completion
from provisioning.manifest import Manifest
from provisioning.network import WifiSecurity
from provisioning.remarks import Remark, Severity, mistake, warning
from provisioning.schema import Configuration
from provisioning.secret_names import secrets_of
from provisioning.sip_choices import Srtp, Transport
from provisioning.trust import Kind

_LOCKED_OUT: Final = mistake(
    "no key may sign bundles, so that handsets refuse a bundle with this configuration; add a [[trust.keys]] with "
    'signs = ["bundle"]',
    "trust", about=[("trust", "keys")],
)  # fmt: skip
NO_COUNTRY: Final = mistake(
    "is missing, so that the handset does not know its emergency numbers; write where it stands, "
    'such as country = "AT" (docs/countries.md lists all countries)',
    "device", "country", about=[("device",)],
)  # fmt: skip
"""What a handset takes and asks about, and nobody is to write any more."""
_LONG: Final = timedelta(days=400)


def risks(configuration: Configuration, *, packed: bool = False) -> tuple[Remark, ...]:
    """Return the warnings about a configuration, and what whoever writes it has to add though a handset takes it.

    Args:
        configuration: what is well written.
        packed: it goes into a bundle, which handsets refuse for more reasons.
    """
    found = (_country, _secrets, _accounts, _sip, _calls, _network, _broker)
    remarks = tuple(remark for risk in found for remark in risk(configuration))
    if any(Kind.BUNDLE in key.signs for key in configuration.trust.keys):
        return remarks
    return (*remarks, _LOCKED_OUT if packed else replace(_LOCKED_OUT, severity=Severity.WARNING))


def manifest_risks(manifest: Manifest) -> tuple[Remark, ...]:
    """Return the warnings about a bundle's manifest."""
    found = []
    if manifest.not_after - manifest.issued_at > _LONG:
        found.append(
            warning(
                f"the bundle is taken until {manifest.not_after:%Y-%m-%d}; whoever finds the stick before that can set "
                "up a handset with it",
                "not_after",
            )
        )
    if not manifest.serials:
        found.append(
            warning("every handset of the fleet takes this bundle; name serials to bind it to some", "serials")
        )
    return tuple(found)


def _country(configuration: Configuration) -> Iterator[Remark]:
    if configuration.device.country is None:
        yield NO_COUNTRY


def _secrets(configuration: Configuration) -> Iterator[Remark]:
    for secret in secrets_of(configuration):
        if secret.in_clear is not None:
            yield warning(
                f"stands here in clear, for everybody who gets the file; take it out and seal it as {secret.names[0]}",
                *secret.path,
            )


def _accounts(configuration: Configuration) -> Iterator[Remark]:
    if all(account.direct for account in configuration.accounts):
        yield warning("nobody can call for help: a direct account reaches one device alone", "accounts")
    for position, account in enumerate(configuration.accounts):
        place = ("accounts", position)
        if account.transport is not Transport.TLS:
            yield warning(
                f'with "{account.transport}" everybody on the way can read who calls whom, and pretend to be the '
                'server; use "tls" where the server has it',
                *place, "transport",
            )  # fmt: skip
        elif not account.tls_verify:
            yield warning(
                "any certificate is taken, so that anybody on the way can pretend to be the server; name the "
                "operator's authority in tls_ca instead",
                *place, "tls_verify",
            )  # fmt: skip
        if account.srtp is Srtp.OFF:
            yield warning(
                'everybody on the way can listen to the calls; use "preferred" or "mandatory"', *place, "srtp"
            )


def _sip(configuration: Configuration) -> Iterator[Remark]:
    if configuration.sip.answer_from == "anyone":
        yield warning(
            "whoever reaches the handset could make it ring, past the operator's server, but a card's firewall lets no "
            'answer out; take it away, and list in trusted_networks, such as ["203.0.113.0/24"], where calls come from '
            "besides the servers",
            "sip", "answer_from",
        )  # fmt: skip
    if configuration.sip.trusted_networks and all(
        account.transport is not Transport.UDP for account in configuration.accounts
    ):
        yield warning(
            "nobody there can call: that is over UDP, which no account uses",
            "sip", "trusted_networks",
        )  # fmt: skip


def _calls(configuration: Configuration) -> Iterator[Remark]:
    calls = configuration.calls
    if calls.auto_answer and not calls.auto_answer_from:
        yield warning(
            'no intercom is answered but those of the holder\'s list "Always ring"; name the extensions that may be '
            "answered in auto_answer_from",
            "calls", "auto_answer", about=[("calls", "auto_answer_from")],
        )  # fmt: skip


def _network(configuration: Configuration) -> Iterator[Remark]:
    network = configuration.network
    if network is None:
        return
    for position, wifi in enumerate(network.wifi):
        if wifi.security is WifiSecurity.OPEN:
            yield warning(
                "everybody near can join this network, and read what is not encrypted",
                "network", "wifi", position, "security",
            )  # fmt: skip
    ethernet = network.ethernet
    if ethernet is not None and ethernet.addresses and not ethernet.name_servers:
        yield warning(
            "with fixed addresses and without name_servers no server is found by its name",
            "network", "ethernet", "addresses", about=[("network", "ethernet", "name_servers")],
        )  # fmt: skip
    if ethernet is not None and ethernet.addresses and not ethernet.gateways:
        yield warning(
            "with fixed addresses and without gateways nothing beyond the network is reached",
            "network", "ethernet", "addresses", about=[("network", "ethernet", "gateways")],
        )  # fmt: skip


def _broker(configuration: Configuration) -> Iterator[Remark]:
    sync = configuration.sync
    if sync is None:
        return
    if sync.complete is Completion.PUBACK:
        yield warning(
            "what the broker has confirmed and then loses is lost; with a collector behind it, "
            'complete = "ack" keeps each record until it has arrived there',
            "sync", "complete",
        )  # fmt: skip
    if sync.certificate is None:
        yield warning(
            "without certificate the broker cannot tell this handset from others, nor keep them apart",
            "sync", about=[("sync", "certificate")],
        )  # fmt: skip
    for name in ("name", "contact"):
        if not getattr(configuration.operator, name):
            yield warning(
                f"the holder cannot be told who answers for the data that leaves; set {name}", "operator", name
            )
