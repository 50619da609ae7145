"""`wecall bundle init` and `check`: a folder that says what is to be filled in, and all that is wrong, at once."""

import json
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from firmware.installer.presets import presets
from provisioning.remarks import Severity
from tests.lab.installer_desk import InstallerDesk
from tests.lab.ring_tones import chime, wav

pytestmark = pytest.mark.feature("bundle folder")

NOW = datetime.now(UTC)
NOT_IN_THE_BASE = {"pjsua2", "alsaaudio", "sqlcipher3", "vobject", "PIL", "pyrage", "systemd", "dns", "paho", "numpy"}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nTEL:1234\r\nEND:VCARD\r\n"


@pytest.fixture
def folder(desk: InstallerDesk) -> Path:
    """A folder from `init` in which everything is filled in."""
    folder = desk.folder / "bundle"
    desk.did("bundle", "init", folder, "--device", "desk-1", "--fleet", "hotel", "--country", "AT", "--key", desk.key)
    configuration = folder / "config.toml"
    text = configuration.read_text()
    text = text.replace('username = ""', 'username = "1001"').replace('domain = ""', 'domain = "sip.example"')
    configuration.write_text(text)
    return folder


def found(desk: InstallerDesk, folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(desk.run("bundle", "check", folder, "--json").stdout)
    return result


def told(desk: InstallerDesk, folder: Path) -> list[tuple[str, str, str]]:
    """Return file, setting and text of each mistake and then of each warning."""
    told = found(desk, folder)
    return [(each["file"], each["setting"], each["text"]) for kind in told.values() for each in kind if "text" in each]


def certificate(name: str, ends: datetime = NOW + timedelta(days=365)) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(min(NOW, ends) - timedelta(days=1)).not_valid_after(ends).sign(key, SHA256())
    return signed.public_bytes(Encoding.PEM)


def put(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def add_to(folder: Path, lines: str) -> None:
    configuration = folder / "config.toml"
    configuration.write_text(configuration.read_text() + lines)


def test_a_new_folder_says_what_is_to_be_filled_in_and_nothing_else_is_wrong(desk: InstallerDesk) -> None:
    folder = desk.folder / "new"
    desk.did("bundle", "init", folder)
    assert {path.name for path in folder.iterdir()} == {
        "config.toml", "certificates", "pictures", "ring_tones", "policies", "notices",
    }  # fmt: skip
    result = desk.run("bundle", "check", folder)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.split(": ")[2] for line in lines[:-1]] == [
        "device.id", "device.country", "accounts[1].username", "accounts[1].domain", "trust.keys[1].public",
    ]  # fmt: skip
    assert lines[-1] == "5 mistakes, 0 warnings."
    text = (folder / "config.toml").read_text().splitlines()
    for line in lines[:-1]:
        _, row, column, *_ = line.split(":")
        assert text[int(row) - 1][int(column) - 1 :].startswith('""  # to be filled in')


def test_a_preset_sets_what_it_knows_of_an_operator_and_leaves_the_rest_to_be_filled_in(
    desk: InstallerDesk, subtests: pytest.Subtests
) -> None:
    page = (Path(__file__).parents[3] / "docs/pbx.md").read_text()
    for name, preset in presets().items():
        with subtests.test(preset=name):
            folder = desk.folder / name
            said = desk.did(
                "bundle", "init", folder, "--preset", name, "--device", "desk-1", "--fleet", "home", "--country", "DE",
                "--key", desk.key,
            )  # fmt: skip
            assert preset.source in said
            assert "not tried at the operator" in said
            (account,) = tomllib.loads((folder / "config.toml").read_text())["accounts"]
            assert {key: value for key, value in account.items() if value != ""} == preset.account
            lacking = {"accounts[1].username", "accounts[1].domain"}
            missing = {setting for _, setting, _ in told(desk, folder) if setting in lacking}
            assert missing == lacking - ({"accounts[1].domain"} if "domain" in preset.account else set())
            assert f"`{name}`" in page


def test_a_folder_that_is_filled_in_has_no_mistakes_and_says_what_is_to_be_sealed(
    desk: InstallerDesk, folder: Path
) -> None:
    assert desk.did("bundle", "check", folder).splitlines() == [
        "0 mistakes, 0 warnings.",
        "To be sealed, or typed when the bundle is built: sip-password.",
    ]
    put(folder, "secrets.toml", b'sip-password = "hunter2"\n')
    assert found(desk, folder) == {"mistakes": [], "warnings": [], "to_seal": []}


def test_a_configuration_is_never_overwritten(desk: InstallerDesk, folder: Path) -> None:
    before = (folder / "config.toml").read_bytes()
    assert "never overwritten" in desk.refused("bundle", "init", folder)
    assert (folder / "config.toml").read_bytes() == before


def test_what_lies_in_the_folder_as_it_should_is_no_mistake(desk: InstallerDesk, folder: Path) -> None:
    put(folder, "contacts.vcf", CARD)
    put(folder, "pictures/anna.png", PNG)
    put(folder, "certificates/operator-ca.pem", certificate("Example CA"))
    put(folder, ".hidden", b"")
    put(folder, "ring_tones/bell.wav", chime(rate_hz=8000))
    for kind in ("policy", "notice"):
        text = folder.parent / "text.txt"
        text.write_text("A title\n\nText.")
        own = ("--version", "1") if kind == "policy" else ()
        out = folder / ("policies" if kind == "policy" else "notices") / "first"
        desk.did(
            kind, "sign", "--en", text, "--zh", text, *own, "--key", desk.key, "--number", "1", "--fleet", "hotel",
            "--out", out,
        )  # fmt: skip
    configuration = folder / "config.toml"
    settings = configuration.read_text().replace("#tls_ca =", "tls_ca =")
    configuration.write_text(re.sub("^#tone =", "tone =", settings, flags=re.MULTILINE))
    assert 'tone = "ring_tones/bell.wav"' in configuration.read_text().splitlines()
    assert told(desk, folder) == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("certificates/a.pem", b"x", "no certificate in PEM form"),
        ("certificates/a.pem", b"-----BEGIN PRIVATE KEY-----\n", "a private key, which a bundle never carries"),
        ("certificates/a.pem", certificate("old", NOW - timedelta(days=1)), "the certificate of CN=old ended on"),
        ("contacts.vcf", b"BEGIN:VCARD\r\nFN:Anna\r\n", "this card has no end"),
        ("contacts.vcf", b"hello\r\n" + CARD, "this is no part of a vCard"),
        ("pictures/a.png", b"x", "this is no picture"),
        ("pictures/a.jpg", PNG, "another kind of picture than .jpg"),
        ("pictures/a.png", PNG[:16] + b"\0\1\0\0\0\1\0\0" + PNG[24:], "65536x65536 pixels"),
        ("ring_tones/a.wav", b"RIFF", "this is no WAV file"),
        ("ring_tones/a.wav", wav(bytes(2000), sample_bytes=1), "but of 8-bit samples"),
        ("ring_tones/a.wav", chime(11), "11.0 s long, and at most 10 s ring"),
        ("ring_tones/a.wav", wav(bytes(2_500_000)), "more than 2097152 bytes"),
        ("policies/a", b"x", "not a signed document"),
        ("notices/a", b"x" * 70_000, "70000 bytes; in a bundle it has 65536 at most"),
        ("firmware/a-1-py3-none-any.whl", b"x", "apt updates one that was installed as a Debian package"),
    ],
)
def test_what_is_wrong_with_a_file_is_a_mistake(
    desk: InstallerDesk, folder: Path, name: str, content: bytes, words: str
) -> None:
    put(folder, name, content)
    assert any(each["file"] == name and words in each["text"] for each in found(desk, folder)["mistakes"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("contact.vcf", "did you mean contacts.vcf?"),
        ("certs/a.pem", "so it stays here"),
        ("certificate/a.pem", "did you mean certificates/a.pem?"),
        ("certificates/a.crt", "certificates are called certificates/NAME.pem"),
        ("notes.txt", "no bundle has a file of this name, so it stays here"),
        ("certificates/b.pem", "nothing in the configuration names this file"),
    ],
)
def test_a_file_that_will_not_be_of_use_is_warned_of(desk: InstallerDesk, folder: Path, name: str, words: str) -> None:
    put(folder, name, certificate("Example CA"))
    (warning,) = found(desk, folder)["warnings"]
    assert warning["file"] == name
    assert words in warning["text"]


@pytest.mark.parametrize(
    ("lines", "setting", "words"),
    [
        ('ca = "certificates/ca.pem"', "sync.ca", "there is no certificates/ca.pem in this folder"),
        ('ca = "contacts.vcf"', "sync.ca", "put it in certificates/"),
        (
            'certificate = "certificates/a.pem"\nkey = "certificates/a.key"',
            "sync.key",
            "a bundle carries no private key",
        ),
    ],
)
def test_a_file_that_the_configuration_names_and_the_bundle_does_not_bring_is_a_mistake(
    desk: InstallerDesk, folder: Path, lines: str, setting: str, words: str
) -> None:
    put(folder, "contacts.vcf", CARD)
    add_to(folder, f'\n[sync]\nhost = "broker.example"\n{lines}\n')
    assert any(each["setting"] == setting and words in each["text"] for each in found(desk, folder)["mistakes"])


@pytest.mark.parametrize(
    ("tone", "kind", "words"),
    [
        ("ring_tones/bell.wav", "mistakes", "there is no ring_tones/bell.wav in this folder"),
        ("contacts.vcf", "mistakes", "put it in ring_tones/, under a name that ends in .wav"),
        ("/etc/wecall/bell.wav", "warnings", "put the file in ring_tones/ to bring it along"),
    ],
)
def test_a_ring_tone_that_does_not_come_along_is_told_with_its_place(
    desk: InstallerDesk, folder: Path, tone: str, kind: str, words: str
) -> None:
    put(folder, "contacts.vcf", CARD)
    configuration = folder / "config.toml"
    text = re.sub("^#tone = .*$", f'tone = "{tone}"', configuration.read_text(), flags=re.MULTILINE)
    configuration.write_text(text.replace("#[ringer]", "[ringer]"))
    (remark,) = found(desk, folder)[kind]
    assert (remark["file"], remark["setting"]) == ("config.toml", "ringer.tone")
    assert words in remark["text"]
    assert configuration.read_text().splitlines()[remark["line"] - 1].startswith("tone =")


def test_a_certificate_for_the_broker_is_the_handsets_own(desk: InstallerDesk, folder: Path) -> None:
    add_to(folder, '\n[sync]\nhost = "broker.example"\ncertificate = "certificates/broker.pem"\n')
    put(folder, "certificates/broker.pem", certificate("desk-1"))
    assert found(desk, folder)["mistakes"] == []
    put(folder, "certificates/broker.pem", certificate("desk-2"))
    (mistake,) = found(desk, folder)["mistakes"]
    assert mistake["file"] == "certificates/broker.pem"
    assert 'this certificate is of "desk-2", and the device is called "desk-1"' in mistake["text"]


def test_a_path_on_the_handset_is_warned_of(desk: InstallerDesk, folder: Path) -> None:
    configuration = folder / "config.toml"
    text = configuration.read_text()
    configuration.write_text(text.replace('#tls_ca = "certificates/operator-ca.pem"', 'tls_ca = "/etc/wecall/ca.pem"'))
    (warning,) = found(desk, folder)["warnings"]
    assert warning["setting"] == "accounts[1].tls_ca"


def test_secrets_are_those_that_the_configuration_needs(desk: InstallerDesk, folder: Path) -> None:
    add_to(folder, '\n[[network.wifi]]\nssid = "a"\n[[network.wifi]]\nssid = "b"\n')
    put(folder, "secrets.toml", b'sip-password = ""\nsip-pasword = "x"\nwifi-password-1 = "short"\n')
    assert told(desk, folder) == [
        ("secrets.toml", "sip-password", "has to be filled in"),
        (
            "secrets.toml",
            "wifi-password-1",
            "a Wi-Fi password has 8 to 63 letters, digits and signs of ASCII, this one has 5",
        ),
        ("secrets.toml", "sip-pasword", "the configuration needs no secret of this name"),
    ]
    assert found(desk, folder)["to_seal"] == ["wifi-password-2"]


def test_mistakes_of_every_file_are_told_at_once(desk: InstallerDesk, folder: Path) -> None:
    put(folder, "contacts.vcf", b"x")
    put(folder, "certificates/a.pem", b"x")
    add_to(folder, "\n[sip]\ncolour = 1\n[sond]\n")
    files = [each["file"] for each in found(desk, folder)["mistakes"]]
    assert files == ["config.toml", "certificates/a.pem", "contacts.vcf"]


def test_a_configuration_by_itself_is_checked_without_a_folder(desk: InstallerDesk, folder: Path) -> None:
    path = folder / "config.toml"
    assert desk.did("bundle", "check", path).startswith("0 mistakes")
    add_to(folder, '\n[calls]\nforward_always = "110"\n')
    text = desk.refused("bundle", "check", path)
    assert "this table stands here for the second time" in text


def test_a_folder_without_a_configuration_says_how_to_make_one(desk: InstallerDesk, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "wecall bundle init" in desk.refused("bundle", "check", empty)


def test_a_password_is_not_shown(desk: InstallerDesk, folder: Path) -> None:
    configuration = folder / "config.toml"
    text = configuration.read_text()
    configuration.write_text(text.replace('domain = "sip.example"', 'domain = "sip.example"\npassword = "hunter2"'))
    result = desk.run("bundle", "check", folder)
    assert f": {Severity.WARNING}: accounts[1].password: stands here in clear" in result.output
    assert "hunter2" not in result.output


def test_checking_needs_nothing_of_the_handsets_libraries(folder: Path) -> None:
    program = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, *_):\n"
        f"        assert name.partition('.')[0] not in {NOT_IN_THE_BASE!r}, name\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from firmware.cli import main\n"
        f"main(['bundle', 'check', {str(folder)!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bundle_has_to_say_the_country(desk: InstallerDesk, folder: Path) -> None:
    configuration = folder / "config.toml"
    lines = configuration.read_text().splitlines(keepends=True)
    configuration.write_text("".join(line for line in lines if not line.startswith("country = ")))
    (mistake,) = found(desk, folder)["mistakes"]
    assert mistake["setting"] == "device.country"
    assert mistake["text"].startswith("is missing, so that the handset does not know its emergency numbers; write")
    assert desk.run("bundle", "check", folder).exit_code == 1
