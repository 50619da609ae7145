import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware.cli.documents import answer, catalogue, key, notice, policy
from provisioning.documents import AnswerDocument, PolicyDocument, read_content, split_paragraphs
from provisioning.signed import verify
from provisioning.trust import Kind, TrustedKey


def run(group: click.Group, *arguments: str | Path, typed: str = "") -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments], input=typed)


class Desk:
    """An operator's folder with a key and two texts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "key.pem"
        self.out = folder / "out.signed"
        self.english, self.chinese = folder / "en.txt", folder / "zh.txt"
        self.english.write_text("New rules\n\nWe keep\nless.\n\nThat is all.\n")
        self.chinese.write_text("新规则\n\n我们保存\n更少。\n\n就这些。\n", encoding="utf-8")
        made = run(key, "new", self.key, "--no-passphrase")
        assert made.exit_code == 0, made.output
        (self.public,) = re.findall(r'public = "(.+)"', made.output)

    def sign(self, group: click.Group, *arguments: str, typed: str = "") -> Result:
        return run(
            group, "sign", "--en", self.english, "--zh", self.chinese, "--key", self.key, "--number", "3",
            "--fleet", "shop", "--out", self.out, *arguments, typed=typed,
        )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_key_is_a_file_that_its_owner_alone_reads_and_its_public_half_is_shown(desk: Desk) -> None:
    assert desk.key.stat().st_mode & 0o777 == 0o600
    assert TrustedKey(public=desk.public, signs=frozenset({Kind.POLICY})).key_id


def test_a_key_is_never_overwritten(desk: Desk) -> None:
    before = desk.key.read_bytes()
    again = run(key, "new", desk.key, "--no-passphrase")
    assert again.exit_code == 1
    assert "is there already" in again.output
    assert desk.key.read_bytes() == before


def test_a_key_is_not_written_through_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere", tmp_path / "key.pem"
    link.symlink_to(target)
    assert run(key, "new", link, "--no-passphrase").exit_code == 1
    assert not target.exists()


def test_a_policy_is_signed_so_that_a_handset_reads_it(desk: Desk) -> None:
    signed = desk.sign(policy, "--version", "2027-01-01", "--date", "2026-12-24", "--asks-again", "recording")
    assert signed.exit_code == 0, signed.output
    trusted = TrustedKey(public=desk.public, signs=frozenset({Kind.POLICY}))
    statement = verify(desk.out.read_bytes(), Kind.POLICY, [trusted])
    said = read_content(statement, PolicyDocument)
    assert (statement.number, statement.fleet, (statement.not_after - statement.issued_at).days) == (3, "shop", 90)
    assert (said.version, str(said.date), said.asks_again) == ("2027-01-01", "2026-12-24", ("recording",))
    assert said.text.en == ("New rules", "We keep less.", "That is all.")
    assert said.text.zh == ("新规则", "我们保存更少。", "就这些。")


def test_what_was_signed_is_shown_once_its_signature_holds(desk: Desk, tmp_path: Path) -> None:
    desk.sign(policy, "--version", "2027-01-01", "--device", "desk-1")
    shown = run(policy, "inspect", desk.out, "--public", desk.public)
    assert shown.exit_code == 0, shown.output
    assert "policy number 3 for shop desk-1" in shown.output
    assert "我们保存更少。" in shown.output
    configuration = tmp_path / "config.toml"
    configuration.write_text(
        '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
        f'[[trust.keys]]\npublic = "{desk.public}"\nsigns = ["policy"]\n'
    )
    assert run(policy, "inspect", desk.out, "--config", configuration).output == shown.output
    # As it is in a folder for many handsets, whose names are in the table beside it.
    configuration.write_text(configuration.read_text().replace('"desk-1"', '""').replace('"alice"', '""'))
    assert run(policy, "inspect", desk.out, "--config", configuration).output == shown.output
    desk.out.write_bytes(desk.out.read_bytes()[:-1] + b"!")
    forged = run(policy, "inspect", desk.out, "--public", desk.public)
    assert forged.exit_code == 1
    assert "signature does not fit" in forged.output
    assert "New rules" not in forged.output


def test_a_notice_has_its_first_paragraph_as_its_title(desk: Desk) -> None:
    signed = desk.sign(notice, "--incident")
    assert signed.exit_code == 0, signed.output
    shown = run(notice, "inspect", desk.out, "--public", desk.public)
    assert "incident" in shown.output
    assert "New rules\n\nWe keep less." in shown.output
    refused = run(policy, "inspect", desk.out, "--public", desk.public)
    assert "This document is a notice, where a policy is wanted." in refused.output


def test_an_answer_is_for_one_request_of_one_handset(desk: Desk) -> None:
    naming = ("--request", "3", "--epoch", "4711", "--decision", "refused")
    for devices in ((), ("--device", "desk-1", "--device", "desk-2")):
        refused = desk.sign(answer, *naming, *devices)
        assert refused.exit_code == 1
        assert "An answer is for one handset" in refused.output
        assert not desk.out.exists()
    signed = desk.sign(answer, *naming, "--device", "desk-1")
    assert signed.exit_code == 0, signed.output
    statement = verify(
        desk.out.read_bytes(), Kind.ANSWER, [TrustedKey(public=desk.public, signs=frozenset({Kind.ANSWER}))]
    )
    said = read_content(statement, AnswerDocument)
    assert (statement.devices, said.request, said.epoch, said.decision) == (("desk-1",), 3, 4711, "refused")
    assert said.text.en == ("New rules", "We keep less.", "That is all.")
    shown = run(answer, "inspect", desk.out, "--public", desk.public)
    assert "answer number 3 for shop desk-1" in shown.output
    assert "request 3 of epoch 4711: refused" in shown.output
    assert (
        "This document is an answer, where a notice is wanted."
        in run(notice, "inspect", desk.out, "--public", desk.public).output
    )


def test_a_key_with_a_passphrase_asks_for_it(desk: Desk) -> None:
    desk.key.unlink()
    made = run(key, "new", desk.key, typed="open sesame\nopen sesame\n")
    assert made.exit_code == 0, made.output
    assert b"ENCRYPTED" in desk.key.read_bytes()
    assert "sesame" not in made.output
    assert "the passphrase is wrong" in desk.sign(notice, typed="sesame\n").output
    assert desk.sign(notice, typed="open sesame\n").exit_code == 0


def test_a_key_that_others_can_read_is_not_used(desk: Desk) -> None:
    desk.key.chmod(0o640)
    signed = desk.sign(notice)
    assert signed.exit_code == 1
    assert "chmod 600" in signed.output
    assert not desk.out.exists()


def test_what_is_no_key_is_said_to_be_none(desk: Desk) -> None:
    other = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content, reason in ((b"noise", "it is no key"), (other, "not an Ed25519 key")):
        desk.key.write_bytes(content)
        assert reason in desk.sign(notice).output


def test_a_policy_names_purposes_that_there_are(desk: Desk) -> None:
    signed = desk.sign(policy, "--version", "2", "--asks-again", "advertising")
    assert signed.exit_code == 1
    assert "no purpose called advertising" in signed.output


def test_what_no_handset_would_take_is_not_signed(desk: Desk) -> None:
    assert "version" in desk.sign(policy, "--version", "../x").output
    desk.english.write_text("Title alone")
    assert "text.en" in desk.sign(notice).output
    desk.english.write_text("T\n\n" + "\n\n".join(["x" * 1500] * 8))
    assert "8192 at most" in desk.sign(notice).output
    desk.english.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in desk.sign(notice).output
    assert not desk.out.exists()


def test_what_is_no_json_is_no_catalogue_and_the_place_is_named(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "purposes.json"
    path.write_text('{"purposes": [\n  nothing\n]}')
    refused = run(
        catalogue, "sign", path, "--key", desk.key, "--number", "1", "--fleet", "shop", "--out", desk.out
    )  # fmt: skip
    assert refused.exit_code == 1
    assert "for it is no JSON: Expecting value (line 2, column 3)." in refused.output


def test_paragraphs_are_parted_by_empty_lines_however_these_are_written() -> None:
    assert split_paragraphs("\ufeffa\r\nb\r\n \r\nc\n\n\n", "en") == ("a b", "c")
    assert split_paragraphs("", "zh") == ()


@pytest.mark.parametrize("group", [key, policy, notice])
def test_no_secret_is_written_on_a_command_line(group: click.Group) -> None:
    options = [option for command in group.commands.values() for option in command.params]
    secrets = [option for option in options if re.search("pass|secret|private", option.name or "")]
    assert all(isinstance(option, click.Option) and option.is_flag for option in secrets)


def test_the_tools_need_none_of_the_handsets_libraries(desk: Desk) -> None:
    extras = tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]["handset"]
    assert "cryptography" not in {re.split("[<>=]", extra)[0] for extra in extras}
    program = (
        "import sys\n"
        "for name in ('pjsua2', 'sqlcipher3', 'PIL', 'alsaaudio', 'paho', 'systemd', 'vobject', 'segno', 'dns'):\n"
        "    sys.modules[name] = None\n"
        "from firmware.cli import main\n"
        "main()\n"
    )
    arguments: list[str | Path] = [
        "policy", "sign", "--en", desk.english, "--zh", desk.chinese, "--key", desk.key, "--number", "1",
        "--fleet", "shop", "--version", "2", "--out", desk.out,
    ]  # fmt: skip
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)
    assert desk.out.exists()
