"""What a power cut at any step of an installer's command leaves behind: nothing half, and the same command goes on."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from cryptography import x509

from firmware.cli import main
from firmware.installer import batch, seal_command
from firmware.installer.private_keys import signing_key
from firmware.installer.sealed_secrets import SealedSecrets, TableKey
from provisioning.sealing import unseal_with_code, unseal_with_key
from tests.lab import kills
from tests.lab.installer_desk import BlankHandset, InstallerDesk, opened, seal_cheaply

kills.load(__name__)
pytestmark = [pytest.mark.computes, pytest.mark.soak]

SERIALS: Final = ("10000000abcd0001", "10000000abcd0002")
HANDSETS: Final = {serial: BlankHandset(serial) for serial in SERIALS}


def run(*arguments: str | Path, typed: str = "") -> str:
    batch.seal_to_code = seal_cheaply  # type: ignore[attr-defined]
    seal_command.seal_to_code = seal_cheaply  # type: ignore[attr-defined]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=typed)
    if result.exit_code:
        raise AssertionError(result.output)
    return result.output


# --- what is cut off: each is called in the process that is killed ---


def make_site(folder: Path) -> None:
    run("bundle", "mass", folder / "site" / "devices.csv", "--stick", folder / "stick", "--key", folder / "key.pem")


def seal(folder: Path) -> None:
    run("bundle", "seal", folder / "site", "--to-code", "--to", folder / "identities")


def replace_handset(folder: Path) -> None:
    run(
        "fleet", "ca", "issue", folder / "authority", folder / "identities" / f"identity-{SERIALS[1]}.json",
        "--device", "desk-1", "--replace", "-o", folder / "certificates", typed="words\n",
    )  # fmt: skip


def make_pbx(folder: Path) -> None:
    # Where the folder is there, all is in it, and the command would say so.
    if not (folder / "office").exists():
        run(
            "bundle", "pbx", folder / "office", folder / "extensions.csv", "--domain", "pbx.example.com", "--fleet",
            "office", "--country", "AT", "--key", folder / "key.pem",
        )  # fmt: skip


# --- what must hold after that, and what once it was done again ---


def bundles_are_whole(folder: Path) -> None:
    for path in (folder / "stick").glob("*.wecall"):
        bundle = opened(path)
        assert bundle.manifest.serials == (path.stem,)
        for name in bundle.names:
            bundle.read(name)


def each_password_of_the_table_is_in_it_or_sealed(folder: Path) -> None:
    bundles_are_whole(folder)
    table = folder / "site" / "devices.csv"
    sealed = SealedSecrets(table)
    sealed.read()
    sealed.open(TableKey.of(signing_key(folder / "key.pem")))
    for line, secret in zip(table.read_text().splitlines()[1:], ("one", "two"), strict=True):
        serial, account, cell = line.split(",")
        found = cell or sealed.of(serial, account, SERIALS)["accounts", 0, "password"]
        assert found == secret


def every_code_opens_its_bundle(folder: Path) -> None:
    page = (folder / "site" / "devices-labels.html").read_text()
    codes = [code.replace(" ", "") for code in re.findall(r"</small> ([0-9 ]+)<", page)]
    for serial, code, secret in zip(SERIALS, codes, ("one", "two"), strict=True):
        bundle = opened(folder / "stick" / f"{serial}.wecall")
        assert unseal_with_code(bundle.read("sealed/code"), code) == {"sip-password": secret}


def the_password_is_still_somewhere(folder: Path) -> None:
    account = tomllib.loads((folder / "site" / "config.toml").read_text())["accounts"][0]
    kept = folder / "site" / "secrets.toml"
    known = {account.get("password"), tomllib.loads(kept.read_text()).get("sip-password") if kept.exists() else None}
    assert "swordfish-7" in known


def the_password_is_sealed_and_not_in_clear(folder: Path) -> None:
    the_password_is_still_somewhere(folder)
    assert "swordfish" not in (folder / "site" / "config.toml").read_text()
    for serial, handset in HANDSETS.items():
        blob = (folder / "site" / "sealed" / serial).read_bytes()
        assert unseal_with_key(blob, handset.sealing_key, serial=serial) == {"sip-password": "swordfish-7"}


def no_certificate_is_out_that_is_not_on_record(folder: Path) -> None:
    records = {path.stem for path in (folder / "authority" / "issued").glob("*.pem")}
    for path in (folder / "certificates").glob("*.pem"):
        assert f"{x509.load_pem_x509_certificate(path.read_bytes()).serial_number:040x}" in records
    assert x509.load_pem_x509_crl((folder / "authority" / "revoked.pem").read_bytes()) is not None


def only_the_new_handset_has_the_device_id(folder: Path) -> None:
    no_certificate_is_out_that_is_not_on_record(folder)
    listed: list[dict[str, Any]] = json.loads(run("fleet", "ca", "list", folder / "authority", "--json"))
    counting = [each for each in listed if each["state"] == "counts"]
    given = x509.load_pem_x509_certificate((folder / "certificates" / f"{SERIALS[1]}.pem").read_bytes())
    assert [each["serial_number"] for each in counting] == [f"{given.serial_number:040x}"]
    assert given.public_key() == HANDSETS[SERIALS[1]].broker_key.public_key()
    revoked = x509.load_pem_x509_crl((folder / "authority" / "revoked.pem").read_bytes())
    old = x509.load_pem_x509_certificate((folder / "certificates" / f"{SERIALS[0]}.pem").read_bytes())
    assert revoked.get_revoked_certificate_by_serial_number(old.serial_number) is not None


def the_pbx_is_whole_or_not_there(folder: Path) -> None:
    if (folder / "office").exists():
        the_pbx_and_its_phones_have_the_same_passwords(folder)


def the_pbx_and_its_phones_have_the_same_passwords(folder: Path) -> None:
    office = folder / "office"
    pjsip = (office / "asterisk/pjsip.conf").read_text()
    rows = (office / "phones/devices.csv").read_text().splitlines()[1:]
    assert re.findall("^password=(.+)$", pjsip, re.MULTILINE) == [row.rsplit(",", 1)[-1] for row in rows]
    assert len(rows) == 2
    assert "exten => 202,1," in (office / "asterisk/extensions.conf").read_text()
    assert tomllib.loads((office / "phones/config.toml").read_text())["device"]["fleet"] == "office"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk") / "desk"
    folder.mkdir()
    desk = InstallerDesk(folder)
    desk.write_table(("serial", "username", "password"), (SERIALS[0], "101", "one"), (SERIALS[1], "102", "two"))
    (folder / "extensions.csv").write_text("extension,name\n201,Hall\n202,Cellar\n")
    (folder / "identities").mkdir()
    for handset in HANDSETS.values():
        handset.leave_identity(folder / "identities")
    run("fleet", "ca", "init", folder / "authority", typed="words\nwords\n")
    run(
        "fleet", "ca", "issue", folder / "authority", folder / "identities" / f"identity-{SERIALS[0]}.json",
        "--device", "desk-1", "-o", folder / "certificates", typed="words\n",
    )  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("work", "always", "in_the_end"),
    [
        (make_site, each_password_of_the_table_is_in_it_or_sealed, every_code_opens_its_bundle),
        (seal, the_password_is_still_somewhere, the_password_is_sealed_and_not_in_clear),
        (replace_handset, no_certificate_is_out_that_is_not_on_record, only_the_new_handset_has_the_device_id),
        (make_pbx, the_pbx_is_whole_or_not_there, the_pbx_and_its_phones_have_the_same_passwords),
    ],
    ids=["mass", "seal", "issue", "pbx"],
)
def test_nothing_is_half_wherever_a_command_is_cut_off_and_it_goes_on_from_there(
    desk: Path,
    work: Callable[[Path], None],
    always: Callable[[Path], None],
    in_the_end: Callable[[Path], None],
) -> None:
    last = 0
    for cut in kills.cuts(desk, work):
        always(cut.folder)
        if not cut.ended:
            work(cut.folder)
        in_the_end(cut.folder)
        last = cut.step
    assert last > 10
