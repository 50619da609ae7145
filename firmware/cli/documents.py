"""`wecall key`, `policy`, `notice`, `answer`, `catalogue`, `reset`: operators sign documents, installers take them.

They need nothing of the handset's libraries, so that they work wherever the operator's keys are.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ValidationError

from contract.results import OutcomeCode
from firmware.cli.options import DEFAULT_CONFIGURATION, runtime_dir_option
from firmware.installer.bundle_folder import read_text
from firmware.installer.cli import TellingGroup
from firmware.installer.private_keys import signing_key, write_private_key
from firmware.installer.signing import trust_lines
from firmware.privacy.catalogue import Catalogue, CatalogueError, read_catalogue
from provisioning.documents import (
    AnswerDocument,
    NoticeDocument,
    PolicyDocument,
    ResetDocument,
    read_content,
    split_paragraphs,
)
from provisioning.errors import ProvisioningError
from provisioning.examination import trusted_keys
from provisioning.section import Section, sentences_of
from provisioning.signed import DocumentKind, Statement, sign, verify
from provisioning.trust import Kind, TrustedKey

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Document = TypeVar("_Document", bound=Section)

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_DEFAULT_DAYS: Final = 90


def _together(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """Add several options by one decorator."""

    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_text_options = _together(
    click.option("--en", "english", type=_FILE, required=True, help="The text in English; empty lines part it."),
    click.option("--zh", "chinese", type=_FILE, required=True, help="The text in Chinese."),
)

_signing_options = _together(
    click.option("--key", "key_file", type=_FILE, required=True, help="The private key, from `wecall key new`."),
    click.option("--number", type=click.IntRange(1), required=True, help="Higher than any before of this kind."),
    click.option("--fleet", required=True, help="The handsets that it is for."),
    click.option("--device", "devices", multiple=True, help="Only this one of them; can be given several times."),
    click.option(
        "--days", type=click.IntRange(1, 3650), default=_DEFAULT_DAYS, show_default=True,
        help="For so long handsets take it.",
    ),
    click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to."),
)  # fmt: skip


def _add_inspect(
    group: click.Group,
    kind: DocumentKind,
    model: type[_Document],
    words: Callable[[_Document], tuple[str, tuple[str, ...], tuple[str, ...]]],
) -> None:
    """Add the command that checks a signature: nothing is said of what is in a file before it holds.

    Args:
        group: the commands of this kind.
        kind: of document.
        model: what it says.
        words: the same for people: a headline, and the paragraphs in English and in Chinese.
    """

    @group.command(name="inspect", help=f"Check the signature of the {kind} in FILE, then say what it says.")
    @click.argument("file", type=_FILE)
    @click.option(
        "--config", "configuration", type=click.Path(dir_okay=False, path_type=Path),
        default=DEFAULT_CONFIGURATION, show_default=True, help="A handset's configuration, whose keys count.",
    )  # fmt: skip
    @click.option("--public", help="The public key that counts, in place of a configuration's.")
    def inspect(file: Path, configuration: Path, public: str | None) -> None:
        statement = verify(file.read_bytes(), kind, _keys(kind, configuration, public))
        click.echo(f"{kind} number {statement.number} for {statement.fleet} {' '.join(statement.devices)}".rstrip())
        click.echo(f"signed {statement.issued_at:%Y-%m-%d %H:%M} UTC, taken until {statement.not_after:%Y-%m-%d}")
        headline, english, chinese = words(read_content(statement, model))
        click.echo("\n\n".join((headline, *english)))
        click.echo("\n" + "\n\n".join(chinese))


def _add_take(group: click.Group, kind: Literal["policy", "notice", "catalogue", "answer"], then: str) -> None:
    """Add the command that hands a signed document to the handset."""

    @group.command(name="take", help=f"Hand the signed {kind} in FILE to the handset, {then}.")
    @click.argument("file", type=_FILE)
    @runtime_dir_option
    def take(file: Path, runtime_dir: Path) -> None:
        # A laptop, which signs them, has no msgspec.
        from contract.downlink import MAX_DOCUMENT_BYTES
        from firmware.cli.asking import ask
        from firmware.control.admin_requests import DocumentTakeRequest
        from firmware.control.open_files import sealed

        document = file.read_bytes()
        if len(document) > MAX_DOCUMENT_BYTES:
            raise click.ClickException(f"{file} is larger than any {kind}. (too_large)")
        with sealed(document) as content:
            answer = ask(runtime_dir, DocumentTakeRequest(kind=kind), file=content)
        if answer["outcome"] == OutcomeCode.NOT_GRANTED:
            click.echo("It is kept, but not shown: the holder has not agreed to notices of the operator.")
        else:
            click.echo(f"The {kind} is taken.")


@click.group(cls=TellingGroup)
def key() -> None:
    """Make the keys that sign bundles and documents of the operator."""


@key.command(name="new")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--passphrase/--no-passphrase", default=True, show_default=True, help="Whether FILE is encrypted.")
@click.option("--for-updates", is_flag=True, help="It announces updates; such a key signs nothing else.")
def new_key(file: Path, passphrase: bool, for_updates: bool) -> None:
    """Make a private key in FILE, which only you can read, and print what the configuration needs to trust it.

    The six words are what a handset's display shows of it.
    """
    # Typed, and nothing else: a command line and an environment can be read by others.
    words = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True) if passphrase else ""
    made = Ed25519PrivateKey.generate()
    write_private_key(file, made, words)
    click.echo(trust_lines(made, updates=for_updates))


@click.group(cls=TellingGroup)
def policy() -> None:
    """Sign privacy policies, and look into signed ones."""


@policy.command(name="sign")
@_text_options
@_signing_options
@click.option("--version", required=True, help='What it is called, such as "2026-11-25".')
@click.option("--date", "written", type=click.DateTime(["%Y-%m-%d"]), help="When it was written.  [default: today]")
@click.option("--asks-again", "purposes", multiple=True, help="A purpose that it adds or changes.")
def sign_policy(
    english: Path, chinese: Path, version: str, written: datetime | None, purposes: tuple[str, ...], **signing: Any
) -> None:
    """Sign a privacy policy; handsets show it, and it takes effect seven days after it was read."""
    from contract.consent import Purpose

    if unknown := sorted(set(purposes) - set(Purpose)):
        raise click.ClickException(f"There is no purpose called {', '.join(unknown)}. There are: {', '.join(Purpose)}.")
    today = datetime.now(UTC).date()
    content = {
        "version": version,
        "date": (written.date() if written else today).isoformat(),
        "text": _texts(english, chinese),
        "asks_again": sorted(set(purposes)),
    }
    _sign(Kind.POLICY, PolicyDocument, content, **signing)


_add_inspect(
    policy,
    Kind.POLICY,
    PolicyDocument,
    lambda said: (
        f"{said.version} of {said.date}; asks again: {', '.join(said.asks_again) or 'nothing'}",
        said.text.en,
        said.text.zh,
    ),
)
_add_take(policy, "policy", "which shows it from then on")


@click.group(cls=TellingGroup)
def notice() -> None:
    """Sign notices for holders, and look into signed ones."""


@notice.command(name="sign")
@_text_options
@_signing_options
@click.option("--incident", is_flag=True, help="It tells of a danger to holders' data: shown whatever they agreed to.")
def sign_notice(english: Path, chinese: Path, incident: bool, **signing: Any) -> None:
    """Sign a notice; the first paragraph of each text is its title."""
    texts = _texts(english, chinese)
    content = {
        "incident": incident,
        "title": {language: paragraphs[:1] and paragraphs[0] for language, paragraphs in texts.items()},
        "text": {language: paragraphs[1:] for language, paragraphs in texts.items()},
    }
    _sign(Kind.NOTICE, NoticeDocument, content, **signing)


_add_inspect(
    notice,
    Kind.NOTICE,
    NoticeDocument,
    lambda said: (
        "incident" if said.incident else "news",
        (said.title.en, *said.text.en),
        (said.title.zh, *said.text.zh),
    ),
)
_add_take(notice, "notice", "which shows it until it is acknowledged")


@click.group(cls=TellingGroup)
def answer() -> None:
    """Sign answers to holders' requests, and look into signed ones."""


@answer.command(name="sign")
@_text_options
@_signing_options
@click.option(
    "--request", type=click.IntRange(1), required=True, help="The request's number, as the fleet's page has it."
)
@click.option("--epoch", type=click.IntRange(1), required=True, help="The request's epoch, from beside its number.")
@click.option(
    "--decision", type=click.Choice(["granted", "partly", "refused"]), required=True,
    help="Whether all that was asked for is done or given, a part of it, or nothing.",
)  # fmt: skip
def sign_answer(
    english: Path, chinese: Path, request: int, epoch: int, decision: str, *, devices: tuple[str, ...], **signing: Any
) -> None:
    """Sign the answer to one request of one handset's holder, which closes it; say why, and where to turn to.

    Whoever opens the menu of the phone can read it: what was asked for is not to be in it, if that is a secret.
    """
    if len(devices) != 1:
        raise click.ClickException("An answer is for one handset, for each has its own requests: name it by --device.")
    texts = _texts(english, chinese)
    content = {"request": request, "epoch": epoch, "decision": decision, "text": texts}
    _sign(Kind.ANSWER, AnswerDocument, content, devices=devices, **signing)


_add_inspect(
    answer,
    Kind.ANSWER,
    AnswerDocument,
    lambda said: (f"request {said.request} of epoch {said.epoch}: {said.decision}", said.text.en, said.text.zh),
)
_add_take(answer, "answer", "which closes the request and shows it")


@click.group(cls=TellingGroup)
def catalogue() -> None:
    """Sign catalogues of what holders are asked for, and hand signed ones over."""


@catalogue.command(name="sign")
@click.argument("file", type=_FILE)
@_signing_options
def sign_catalogue(file: Path, **signing: Any) -> None:
    """Sign the catalogue of purposes in FILE, in JSON as firmware/privacy/texts/purposes.json is."""
    try:
        content = json.loads(read_text(file))
        read_catalogue(content)
    except json.JSONDecodeError as error:
        raise click.ClickException(
            f"{file} cannot be signed, for it is no JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from error
    except CatalogueError as error:
        raise click.ClickException(f"{file} cannot be signed: {error}") from error
    _sign(Kind.CATALOGUE, Catalogue, content, **signing)


_add_take(catalogue, "catalogue", "which asks anew for what it changes")


@click.group(cls=TellingGroup)
def reset() -> None:
    """Sign orders to erase one handset whose holder has forgotten the PIN."""


@reset.command(name="sign")
@_signing_options
@click.option("--serial", required=True, help="The handset's, from its display.")
@click.option(
    "--request", type=click.IntRange(10**11, 10**12 - 1), required=True, help="The number on its display, 12 digits."
)
def sign_reset(serial: str, request: int, *, devices: tuple[str, ...], **signing: Any) -> None:
    """Sign the order to erase one handset, which asked for it by a number; be sure who told you that.

    It goes into the folder reset/ of a bundle, or to the handset by `wecall fleet publish answer`. It counts once, and
    begins what Settings, Reset does; where a guardian answers it does nothing.
    """
    if len(devices) != 1:
        raise click.ClickException("A reset is for one handset: name it by --device.")
    _sign(Kind.RESET, ResetDocument, {"serial": serial, "request": request}, devices=devices, **signing)


def _texts(english: Path, chinese: Path) -> dict[str, tuple[str, ...]]:
    return {"en": split_paragraphs(read_text(english), "en"), "zh": split_paragraphs(read_text(chinese), "zh")}


def _sign(
    kind: DocumentKind,
    model: type[BaseModel],
    content: Mapping[str, Any],
    *,
    key_file: Path,
    number: int,
    fleet: str,
    devices: tuple[str, ...],
    days: int,
    out: Path,
) -> None:
    private = signing_key(key_file)
    issued_at = datetime.now(UTC).replace(microsecond=0)
    try:
        statement = Statement(
            number=number,
            fleet=fleet,
            devices=devices,
            issued_at=issued_at,
            not_after=issued_at + timedelta(days=days),
            content=model.model_validate_json(json.dumps(content)).model_dump(mode="json"),
        )
    except ValidationError as error:
        raise ProvisioningError(f"This {kind} cannot be signed.", sentences_of(error)) from error
    out.write_bytes(sign(kind, statement, private))
    click.echo(f"{out}: {kind} number {number} for {fleet}, taken until {statement.not_after:%Y-%m-%d}.")


def _keys(kind: DocumentKind, configuration: Path, public: str | None) -> tuple[TrustedKey, ...]:
    if public is None:
        return trusted_keys(read_text(configuration))
    try:
        return (TrustedKey(public=public, signs=frozenset({kind})),)
    except ValidationError:
        raise click.ClickException("This is no public key; `wecall key new` shows one.") from None
