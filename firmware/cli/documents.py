"""`wecall key`, `policy`, `notice`, `answer`, `catalogue`: an operator signs documents, an installer hands them over.

They need nothing of the handset's libraries, so that they work wherever the operator's keys are.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

from firmware.cli.asking import ask
from firmware.cli.options import DEFAULT_CONFIGURATION, runtime_dir_option

if TYPE_CHECKING:
    from pydantic import BaseModel

    from provisioning.section import Section
    from provisioning.signed import DocumentKind
    from provisioning.trust import TrustedKey

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Document = TypeVar("_Document", bound="Section")
_Result = TypeVar("_Result")

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_DEFAULT_DAYS: Final = 90


def _text_options(command: _Command) -> _Command:
    """Add the text in both languages."""
    options = (
        click.option("--en", "english", type=_FILE, required=True, help="The text in English; empty lines part it."),
        click.option("--zh", "chinese", type=_FILE, required=True, help="The text in Chinese."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _signing_options(command: _Command) -> _Command:
    """Add what every document is signed with."""
    options = (
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
    for option in reversed(options):
        command = option(command)
    return command


def _checking_options(command: _Command) -> _Command:
    """Add what a signature is checked with: nothing is said of what is in a file before it holds."""
    options = (
        click.argument("file", type=_FILE),
        click.option(
            "--config", "configuration", type=click.Path(dir_okay=False, path_type=Path),
            default=DEFAULT_CONFIGURATION, show_default=True, help="A handset's configuration, whose keys count.",
        ),
        click.option("--public", help="The public key that counts, in place of a configuration's."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def key() -> None:
    """Make the keys that sign bundles and documents of the operator."""


@key.command(name="new")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--passphrase/--no-passphrase", default=True, show_default=True, help="Whether FILE is encrypted.")
def new_key(file: Path, passphrase: bool) -> None:
    """Make a private key in FILE, which only you can read, and print what the configuration needs to trust it.

    The six words are what a handset's display shows of it. To sign firmware too, add "firmware".
    """
    from firmware.installer.signing import trust_lines
    from provisioning.keys import make_key

    # Typed, and nothing else: a command line and an environment can be read by others.
    words = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True) if passphrase else ""
    made = _told(lambda: make_key(file, words))
    click.echo(trust_lines(made))


@click.group()
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
    from firmware.phone.purpose import Purpose
    from provisioning.documents import PolicyDocument
    from provisioning.trust import Kind

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


@policy.command(name="inspect")
@_checking_options
def inspect_policy(file: Path, configuration: Path, public: str | None) -> None:
    """Check the signature of the policy in FILE, then say what it says."""
    from provisioning.documents import PolicyDocument
    from provisioning.trust import Kind

    said = _inspect(Kind.POLICY, PolicyDocument, file, configuration, public)
    click.echo(f"{said.version} of {said.date}; asks again: {', '.join(said.asks_again) or 'nothing'}")
    _echo_texts(said.text.en, said.text.zh)


@policy.command(name="take")
@click.argument("file", type=_FILE)
@runtime_dir_option
def take_policy(file: Path, runtime_dir: Path) -> None:
    """Hand the signed policy in FILE to the handset, which shows it from then on."""
    _take("policy", file, runtime_dir)


@click.group()
def notice() -> None:
    """Sign notices for holders, and look into signed ones."""


@notice.command(name="sign")
@_text_options
@_signing_options
@click.option("--incident", is_flag=True, help="It tells of a danger to holders' data: shown whatever they agreed to.")
def sign_notice(english: Path, chinese: Path, incident: bool, **signing: Any) -> None:
    """Sign a notice; the first paragraph of each text is its title."""
    from provisioning.documents import NoticeDocument
    from provisioning.trust import Kind

    texts = _texts(english, chinese)
    content = {
        "incident": incident,
        "title": {language: paragraphs[:1] and paragraphs[0] for language, paragraphs in texts.items()},
        "text": {language: paragraphs[1:] for language, paragraphs in texts.items()},
    }
    _sign(Kind.NOTICE, NoticeDocument, content, **signing)


@notice.command(name="inspect")
@_checking_options
def inspect_notice(file: Path, configuration: Path, public: str | None) -> None:
    """Check the signature of the notice in FILE, then say what it says."""
    from provisioning.documents import NoticeDocument
    from provisioning.trust import Kind

    said = _inspect(Kind.NOTICE, NoticeDocument, file, configuration, public)
    click.echo("incident" if said.incident else "news")
    _echo_texts((said.title.en, *said.text.en), (said.title.zh, *said.text.zh))


@notice.command(name="take")
@click.argument("file", type=_FILE)
@runtime_dir_option
def take_notice(file: Path, runtime_dir: Path) -> None:
    """Hand the signed notice in FILE to the handset, which shows it until it is acknowledged."""
    _take("notice", file, runtime_dir)


@click.group()
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
    from provisioning.documents import AnswerDocument
    from provisioning.trust import Kind

    if len(devices) != 1:
        raise click.ClickException("An answer is for one handset, for each has its own requests: name it by --device.")
    texts = _texts(english, chinese)
    content = {"request": request, "epoch": epoch, "decision": decision, "text": texts}
    _sign(Kind.ANSWER, AnswerDocument, content, devices=devices, **signing)


@answer.command(name="inspect")
@_checking_options
def inspect_answer(file: Path, configuration: Path, public: str | None) -> None:
    """Check the signature of the answer in FILE, then say what it says."""
    from provisioning.documents import AnswerDocument
    from provisioning.trust import Kind

    said = _inspect(Kind.ANSWER, AnswerDocument, file, configuration, public)
    click.echo(f"request {said.request} of epoch {said.epoch}: {said.decision}")
    _echo_texts(said.text.en, said.text.zh)


@answer.command(name="take")
@click.argument("file", type=_FILE)
@runtime_dir_option
def take_answer(file: Path, runtime_dir: Path) -> None:
    """Hand the signed answer in FILE to the handset, which closes the request and shows it."""
    _take("answer", file, runtime_dir)


@click.group()
def catalogue() -> None:
    """Sign catalogues of what holders are asked for, and hand signed ones over."""


@catalogue.command(name="sign")
@click.argument("file", type=_FILE)
@_signing_options
def sign_catalogue(file: Path, **signing: Any) -> None:
    """Sign the catalogue of purposes in FILE, in JSON as firmware/privacy/texts/purposes.json is."""
    from firmware.privacy.catalogue import Catalogue, CatalogueError, read_catalogue
    from provisioning.trust import Kind

    try:
        content = json.loads(_read(file))
        read_catalogue(content)
    except json.JSONDecodeError as error:
        raise click.ClickException(
            f"{file} cannot be signed, for it is no JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from error
    except CatalogueError as error:
        raise click.ClickException(f"{file} cannot be signed: {error}") from error
    _sign(Kind.CATALOGUE, Catalogue, content, **signing)


@catalogue.command(name="take")
@click.argument("file", type=_FILE)
@runtime_dir_option
def take_catalogue(file: Path, runtime_dir: Path) -> None:
    """Hand the signed catalogue in FILE to the handset; what it changes is asked anew."""
    _take("catalogue", file, runtime_dir)


def _take(kind: Literal["policy", "notice", "catalogue", "answer"], file: Path, runtime_dir: Path) -> None:
    from firmware.control.admin_requests import DocumentTakeRequest
    from firmware.privacy.egress.messages import OutcomeCode

    try:
        request = DocumentTakeRequest(kind=kind, data=base64.b64encode(file.read_bytes()).decode("ascii"))
        answer = ask(runtime_dir, request)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError:
        raise click.ClickException(f"{file} is larger than any {kind}. (too_large)") from None
    if answer["outcome"] == OutcomeCode.NOT_GRANTED:
        click.echo("It is kept, but not shown: the holder has not agreed to notices of the operator.")
    else:
        click.echo(f"The {kind} is taken.")


def _texts(english: Path, chinese: Path) -> dict[str, tuple[str, ...]]:
    from provisioning.documents import split_paragraphs

    return {"en": split_paragraphs(_read(english), "en"), "zh": split_paragraphs(_read(chinese), "zh")}


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise click.ClickException(f"{file} cannot be read: {reason}.") from error


def _sign(
    kind: "DocumentKind",
    model: "type[BaseModel]",
    content: Mapping[str, Any],
    *,
    key_file: Path,
    number: int,
    fleet: str,
    devices: tuple[str, ...],
    days: int,
    out: Path,
) -> None:
    from pydantic import ValidationError

    from provisioning.keys import load_key
    from provisioning.signed import Statement, sign

    private = _told(lambda: load_key(key_file, lambda: click.prompt("Passphrase", hide_input=True, err=True)))
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
        mistakes = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)
        )
        raise click.ClickException(f"This {kind} cannot be signed: {mistakes}.") from error
    document = _told(lambda: sign(kind, statement, private))
    try:
        out.write_bytes(document)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}.") from error
    click.echo(f"{out}: {kind} number {number} for {fleet}, taken until {statement.not_after:%Y-%m-%d}.")


def _inspect(
    kind: "DocumentKind", model: "type[_Document]", file: Path, configuration: Path, public: str | None
) -> "_Document":
    from provisioning.documents import read_content
    from provisioning.signed import verify

    keys = _told(lambda: _keys(kind, configuration, public))
    try:
        document = file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from error
    statement = _told(lambda: verify(document, kind, keys))
    click.echo(f"{kind} number {statement.number} for {statement.fleet} {' '.join(statement.devices)}".rstrip())
    click.echo(f"signed {statement.issued_at:%Y-%m-%d %H:%M} UTC, taken until {statement.not_after:%Y-%m-%d}")
    return _told(lambda: read_content(statement, model))


def _keys(kind: "DocumentKind", configuration: Path, public: str | None) -> "tuple[TrustedKey, ...]":
    from pydantic import ValidationError

    from provisioning.examination import trusted_keys
    from provisioning.trust import TrustedKey

    if public is None:
        try:
            return trusted_keys(configuration.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise click.ClickException(f"{configuration} cannot be read: {reason}.") from error
    try:
        return (TrustedKey(public=public, signs=frozenset({kind})),)
    except ValidationError:
        raise click.ClickException("This is no public key; `wecall key new` shows one.") from None


def _told(work: Callable[[], _Result]) -> _Result:
    """Do something, and say in words why it cannot be done."""
    from provisioning.errors import ProvisioningError

    try:
        return work()
    except ProvisioningError as error:
        raise click.ClickException(" ".join((str(error), *error.mistakes))) from error


def _echo_texts(*texts: tuple[str, ...]) -> None:
    for text in texts:
        click.echo()
        click.echo("\n\n".join(text))
