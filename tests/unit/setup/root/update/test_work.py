"""An update is verified by root's own keys, written, tried once, kept or given up."""

import base64
import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from contract.results import OutcomeCode
from firmware.fetch.wanted import FetchCode
from firmware.phone.update_phrases import UPDATE_CODES
from firmware.setup.root.boot.choice import GRUB, Marks, Slot
from firmware.setup.root.record import Kept, Snapshot, read_record, write_record
from firmware.setup.root.update.memory import Phase
from firmware.setup.root.update.messages import UpdateOutcome, UpdateRequest, UpdateWish
from firmware.setup.root.update.rauc import BundleFacts
from firmware.setup.root.update.release import Announcements, Demands, LogProof
from firmware.setup.root.update.work import RELAY
from provisioning.release_keys import fingerprint
from provisioning.signed import DocumentRefusedError
from tests.lab.bundles import ISSUED
from tests.lab.root_machine import configuration
from tests.lab.update_machine import CERTIFICATE, UpdateMachine, announcement, certificate, hash_of, release_keys

pytestmark = pytest.mark.feature("updates by slots")

DONE = (UpdateOutcome.DONE, OutcomeCode.INSTALLED)
UNKNOWN = "signature verification failed: Verify error: self-signed certificate"


@pytest.fixture
def card(tmp_path: Path) -> UpdateMachine:
    machine = UpdateMachine(tmp_path)
    machine.recovered()
    return machine


def refused(code: OutcomeCode) -> tuple[UpdateOutcome, OutcomeCode]:
    return UpdateOutcome.REFUSED, code


def installs(card: UpdateMachine) -> int:
    return sum(line.startswith("rauc install") for line in card.commands)


# --- installing ---


def test_an_update_on_a_stick_waits_in_the_other_slot(card: UpdateMachine) -> None:
    assert card.install("2.0") == DONE
    assert card.slot_file(Slot.B) == "2.0"
    assert card.memory.waiting is not None
    assert card.memory.waiting.manifest_sha256 == hash_of("2.0")
    state = {"how": "card", "version": "1.0", "slot": "A", "installed": "2.0", "on_trial": False, "tries": 0}
    assert card.state == state | {
        "last": "installed", "last_version": "2.0", "floor": "0.1", "keys_number": 1,
    }  # fmt: skip
    assert (card.root / "run/wecall-update/state.json").stat().st_mode & 0o777 == 0o644


def test_rauc_is_given_the_open_file_itself_and_no_path_of_anybodys(card: UpdateMachine) -> None:
    card.install("2.0")
    (looked,) = [line for line in card.commands if "InspectBundle" in line]
    (written,) = [line for line in card.commands if line.startswith("rauc install")]
    assert looked.split()[-2] == written.split()[-1]
    assert written.split()[-1].startswith("/proc/")


def test_rauc_trusts_the_certificates_of_the_newest_list_while_it_looks_and_nobody_afterwards(
    card: UpdateMachine,
) -> None:
    keyring = card.root / "run/wecall-update/keyring.pem"
    revoked = certificate("revoked")
    fingerprints = [fingerprint_of(revoked)]
    card.image_list(release_keys(2, [CERTIFICATE, revoked], revoked=tuple(fingerprints)))
    card.recovered()
    seen = []
    program = UpdateMachine._program

    def look(self: UpdateMachine, command: Sequence[str], on_line: Any) -> int:
        if keyring.exists():
            seen.append(keyring.read_text())
        return program(self, command, on_line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UpdateMachine, "_program", look)
        assert card.install("2.0") == DONE
    assert set(seen) == {CERTIFICATE}
    assert not keyring.exists()


def fingerprint_of(pem: str) -> str:
    return fingerprint(x509.load_pem_x509_certificate(pem.encode()))


@pytest.mark.parametrize("is_revoked", [False, True])
def test_a_bundle_of_a_revoked_key_is_told_from_one_of_a_strangers(card: UpdateMachine, is_revoked: bool) -> None:
    other = certificate("other")
    revoked = (fingerprint_of(other),) if is_revoked else ()
    card.image_list(release_keys(2, [CERTIFICATE, other] if is_revoked else [CERTIFICATE], revoked=revoked))
    card.recovered()
    keyring = card.root / "run/wecall-update/keyring.pem"
    inspect = UpdateMachine._inspect

    def judge(self: UpdateMachine, on_line: Any) -> int:
        self.offered = "2.0" if keyring.read_text() == other else UNKNOWN
        return inspect(self, on_line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UpdateMachine, "_inspect", judge)
        assert card.install() == refused(OutcomeCode.KEY_REVOKED if is_revoked else OutcomeCode.UNKNOWN_KEY)
    assert installs(card) == 0


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("1.0", OutcomeCode.NOT_NEWER),
        ("0.9", OutcomeCode.NOT_NEWER),
        ("0.0.9", OutcomeCode.BELOW_FLOOR),
        ("banana", OutcomeCode.UNREADABLE),
        ("2" + ".0" * 32, OutcomeCode.UNREADABLE),
    ],
)
def test_an_older_version_is_refused(card: UpdateMachine, version: str, code: OutcomeCode) -> None:
    assert card.install(version) == refused(code)
    assert installs(card) == 0


def test_an_update_for_other_hardware_is_refused(card: UpdateMachine) -> None:
    card.compatible = "wecall-handset-arm64"
    assert card.install() == refused(OutcomeCode.NOT_FOR_THIS)


def test_a_full_card_is_told_before_anything_is_written(card: UpdateMachine) -> None:
    card.free_bytes = 1 << 20
    assert card.install() == refused(OutcomeCode.NO_SPACE)
    assert installs(card) == 0


def test_a_proof_is_demanded_where_the_operator_says_so(card: UpdateMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    def prove(proof: str, facts: BundleFacts) -> None:
        assert facts.manifest_sha256 == hash_of("2.0")
        if proof != "good":
            raise DocumentRefusedError(OutcomeCode.NO_PROOF, "No.")

    card.prove = prove
    demand(monkeypatch)
    assert card.install() == refused(OutcomeCode.NO_PROOF)
    assert card.install_announced(announcement(bundle={"proof": "bad"})) == refused(OutcomeCode.NO_PROOF)
    assert installs(card) == 0
    assert card.install(proof="good") == DONE


def test_an_image_that_knows_no_log_takes_nothing_where_a_proof_is_demanded(
    card: UpdateMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.prove = LogProof(card.machine)
    demand(monkeypatch)
    assert card.install(proof="good") == refused(OutcomeCode.NO_PROOF)
    assert installs(card) == 0


def demand(monkeypatch: pytest.MonkeyPatch) -> None:
    demands = Demands(bandwidth_kbit=4000, require_proof=True)
    monkeypatch.setattr(Announcements, "demands", lambda _self: demands)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Failed updating slot rootfs.1: Failed to copy data: Input/output error", OutcomeCode.DAMAGED),
        ("Failed updating slot rootfs.1: write: No space left on device", OutcomeCode.NO_SPACE),
        ("something else", OutcomeCode.FAILED),
        ("already processing a different method", OutcomeCode.BUSY),
    ],
)
def test_an_update_that_does_not_come_to_its_end_is_never_tried(
    card: UpdateMachine, said: str, code: OutcomeCode
) -> None:
    card.install_fails = said
    assert card.install() == refused(code)
    assert (card.memory.waiting, card.memory.last, card.state["last"]) == (None, code, code)
    assert card.work().start_trial() == refused(OutcomeCode.FAILED)
    card.install_fails = ""
    assert card.install() == DONE


def test_what_was_written_must_be_what_was_looked_at(card: UpdateMachine) -> None:
    card.writes = hash_of("1.9")
    assert card.install() == refused(OutcomeCode.WRONG_HASH)
    assert card.memory.waiting is None


def test_an_update_that_is_there_already_is_not_written_twice(card: UpdateMachine) -> None:
    assert card.install("2.0") == card.install("2.0") == DONE
    assert installs(card) == 1
    assert card.install("2.1") == DONE
    assert card.memory.waiting is not None
    assert card.memory.waiting.version == "2.1"


def test_an_update_that_is_not_beside_the_wish_is_told(card: UpdateMachine) -> None:
    wish = UpdateRequest(wish=UpdateWish.INSTALL)
    assert card.work().install(wish, None, lambda _percent: None) == refused(OutcomeCode.UNREADABLE)


def test_a_phone_that_is_a_package_is_updated_by_apt(card: UpdateMachine) -> None:
    (card.root / "usr/lib/wecall/image.json").unlink()
    card.answers["dpkg-query"] = "installed"
    card.recovered()
    assert card.install() == refused(OutcomeCode.BY_PACKAGE)
    assert card.work().start_trial() == refused(OutcomeCode.BY_PACKAGE)
    assert (card.state["how"], card.state["version"], card.state["slot"]) == ("package", "1.0", "")


def test_a_machine_of_neither_kind_takes_none(card: UpdateMachine) -> None:
    (card.root / "usr/lib/wecall/image.json").unlink()
    assert card.recovered().state().how == "other"
    assert card.install() == refused(OutcomeCode.NOT_FOR_THIS)


def test_damage_to_what_root_remembers_is_told_and_nothing_is_done(card: UpdateMachine) -> None:
    (card.machine.state / "update.json").write_text("{")
    assert card.install() == (UpdateOutcome.FAILED, OutcomeCode.FAILED)
    assert card.work().state().last is OutcomeCode.FAILED
    assert installs(card) == 0


def test_a_data_partition_that_is_full_is_told(card: UpdateMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("firmware.setup.root.update.work.write_memory", full)
    assert card.install() == (UpdateOutcome.FAILED, OutcomeCode.NO_SPACE)
    assert installs(card) == 0


# --- over the network ---


def test_an_announced_update_is_fetched_by_the_fetcher_alone(card: UpdateMachine) -> None:
    wanted = card.root / "run/wecall-update/wanted.json"
    assert card.install_announced(announcement()) == DONE
    assert card.wanted == [
        {
            "address": "https://updates.example/2.0.raucb", "authority": None, "size_bytes": 1000,
            "bandwidth_kbit": 4000,
        }
    ]  # fmt: skip
    assert f"rauc install {RELAY}" in card.commands
    assert card.commands.index(f"rauc install {RELAY}") < card.commands.index("systemctl stop wecall-fetch.service")
    assert not wanted.exists()
    assert card.memory.waiting is not None
    assert card.memory.number == 1


@pytest.mark.parametrize("code", [code for code in FetchCode if code])
def test_what_ended_a_download_is_told_in_the_fetchers_word_and_shown_in_a_sentence(
    card: UpdateMachine, code: FetchCode
) -> None:
    card.fetched(5, "unreachable")
    card.when_fetching = lambda: card.fetched(7, code)
    card.install_fails = "Failed updating slot rootfs.1: Input/output error"
    assert card.install_announced(announcement()) == refused(OutcomeCode(code))
    assert card.memory.last is OutcomeCode(code)
    assert card.work().received_bytes == 7
    assert OutcomeCode(code) in UPDATE_CODES


def held_up(card: UpdateMachine, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """Have so many calls begin while RAUC writes, each of which outlasts what the kernel waits."""
    left = calls
    write = UpdateMachine._write

    def call(self: UpdateMachine, on_line: Any) -> int:
        nonlocal left
        left -= 1
        self.install_fails = "Failed updating slot rootfs.1: Input/output error" if left >= 0 else ""
        self.fetched(7, "postponed" if left >= 0 else "")
        if left >= 0:
            self.call_mark.touch()
        return write(self, on_line)

    monkeypatch.setattr(UpdateMachine, "_write", call)


def test_a_long_call_has_the_download_begun_again_as_soon_as_it_is_over(
    card: UpdateMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def look() -> None:
        looks.append(card.commands[-1])
        if len(looks) == 3:
            card.call_mark.unlink()

    card.when_waiting = look
    held_up(card, monkeypatch, 1)
    assert card.install_announced(announcement()) == DONE
    assert looks == ["systemctl stop wecall-fetch.service"] * 3, "nothing is fetched meanwhile"
    assert (len(card.wanted), installs(card)) == (2, 2)
    assert card.memory.waiting is not None
    assert card.memory.last is OutcomeCode.INSTALLED


def test_a_line_that_is_always_in_use_is_left_to_the_handset_to_ask_again(
    card: UpdateMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.when_waiting = card.call_mark.unlink
    held_up(card, monkeypatch, 100)
    assert card.install_announced(announcement()) == refused(OutcomeCode.POSTPONED)
    assert installs(card) == 4
    assert (card.memory.waiting, card.memory.last, card.memory.failed) == (None, OutcomeCode.POSTPONED, "")


def test_a_call_has_no_part_in_what_a_stick_brings(card: UpdateMachine) -> None:
    card.fetched(7, "postponed")
    card.call_mark.touch()
    card.install_fails = "Failed updating slot rootfs.1: Input/output error"
    assert card.install() == refused(OutcomeCode.DAMAGED)


def test_a_look_at_a_bundle_that_takes_too_long_is_given_up(card: UpdateMachine) -> None:
    card.offered = "Connection timed out"
    assert card.install_announced(announcement(), card.offered) == refused(OutcomeCode.STALLED)
    looks = [line for line in card.commands if "InspectBundle" in line]
    assert len(looks) == 1
    assert "--timeout=600" in looks[0]


@pytest.mark.parametrize("has_policy", [False, True])
def test_where_nobody_can_read_what_is_demanded_a_proof_is_where_the_image_knows_a_log(
    card: UpdateMachine, has_policy: bool
) -> None:
    proofs: list[str] = []
    card.prove = lambda proof, _facts: proofs.append(proof)
    card.machine.configuration.write_text("[updates\nrequire_proof = true")
    if has_policy:
        (card.root / "usr/share/wecall/release/log-policy").touch()
    assert card.install(proof="a proof") == DONE
    assert proofs == ["a proof"] * has_policy


def test_a_phone_that_nobody_has_set_up_demands_no_proof(card: UpdateMachine) -> None:
    proofs: list[str] = []
    card.prove = lambda proof, _facts: proofs.append(proof)
    card.machine.configuration.unlink()
    (card.root / "usr/share/wecall/release/log-policy").touch()
    assert card.install(proof="a proof") == DONE
    assert proofs == []


def test_bandwidth_and_proof_are_what_the_bundle_in_force_says_and_no_file_that_somebody_wrote(
    card: UpdateMachine,
) -> None:
    proofs: list[str] = []
    card.prove = lambda proof, _facts: proofs.append(proof)
    card.machine.configuration.write_bytes(configuration("[updates]\nbandwidth_kbit = 5000\nrequire_proof = false"))
    assert card.install_announced(announcement()) == DONE
    assert (card.wanted[-1]["bandwidth_kbit"], proofs) == (5000, [])
    verified = configuration("[updates]\nbandwidth_kbit = 64\nrequire_proof = true").decode()
    kept = Kept(number=1, digest="", configuration=verified, before=Snapshot(files={}))
    record = read_record(card.machine.state)
    write_record(card.machine.state, record.model_copy(update={"history": (kept,)}))
    document = announcement("2.1", 2, {"proof": "a proof"})
    assert card.install_announced(document, "2.1") == DONE
    assert (card.wanted[-1]["bandwidth_kbit"], proofs) == (64, ["a proof"])


@pytest.mark.parametrize(
    "news",
    [
        "",
        "{",
        "[]",
        '{"code": "applied", "received_bytes": 1}',
        '{"code": "banana", "received_bytes": 1}',
        '{"code": "wrong_hash", "received_bytes": 1}',
        '{"code": "postponed"}',
        '{"code": "stalled", "received_bytes": Infinity}',
        "[" * 100_000,
        " " * 100_000 + '{"code": "stalled", "received_bytes": 1}',
    ],
)
def test_a_fetcher_that_talks_nonsense_is_not_listened_to(card: UpdateMachine, news: str) -> None:
    card.when_fetching = lambda: (card.root / "run/wecall-fetch/news.json").write_text(news)
    card.offered = "Failed to stream bundle"
    assert card.install_announced(announcement(), "Failed to stream bundle") == refused(OutcomeCode.UNREACHABLE)


@pytest.mark.parametrize("put", [os.mkfifo, lambda news: news.symlink_to("news"), Path.mkdir])
def test_a_fetcher_that_was_broken_into_has_root_neither_wait_nor_read_elsewhere(
    card: UpdateMachine, put: Callable[[Path], object]
) -> None:
    folder = card.root / "run/wecall-fetch"
    (folder / "news").write_text('{"code": "stalled", "received_bytes": 7}')
    put(folder / "news.json")
    assert card.work().received_bytes == 0


def test_a_service_that_was_cut_off_leaves_nobody_trusted_and_nothing_fetched(card: UpdateMachine) -> None:
    folder = card.root / "run/wecall-update"
    (folder / "keyring.pem").write_text(CERTIFICATE)
    (folder / "wanted.json").write_text("{}")
    card.recovered()
    assert {path.name for path in folder.iterdir()} == {"state.json"}
    assert card.commands == ["systemctl stop wecall-fetch.service"]


def test_a_fetcher_that_does_not_start_is_told(card: UpdateMachine) -> None:
    card.answers["systemctl restart wecall-fetch"] = None
    assert card.install_announced(announcement()) == refused(OutcomeCode.FAILED)


@pytest.mark.parametrize("changes", [{"version": "2.1"}, {"bundle": {"manifest_sha256": "1" * 64}}])
def test_a_server_that_has_another_release_than_was_announced_is_refused(
    card: UpdateMachine, changes: dict[str, Any]
) -> None:
    document = announcement(
        changes.pop("version", "2.0"), bundle={"manifest_sha256": hash_of("2.0")} | changes.pop("bundle", {})
    )
    assert card.install_announced(document) == refused(OutcomeCode.WRONG_HASH)
    assert installs(card) == 0


def test_a_document_that_was_changed_or_is_old_or_for_others_is_refused(card: UpdateMachine) -> None:
    forged = bytearray(announcement())
    forged[-3] ^= 1
    assert card.install_announced(bytes(forged)) == refused(OutcomeCode.FORGED)
    elsewhere = announcement(bundle={"compatible": "wecall-handset-arm64"})
    assert card.install_announced(elsewhere) == refused(OutcomeCode.NOT_FOR_THIS)
    assert card.install_announced(announcement(number=5)) == DONE
    assert card.install_announced(announcement(number=4)) == refused(OutcomeCode.OLD)
    assert card.install("2.0", message="AAAA") == refused(OutcomeCode.UNREADABLE)
    assert card.install("2.0", message="AAA") == refused(OutcomeCode.UNREADABLE)
    card.now_s = lambda: ISSUED.timestamp() + 400 * 86_400
    assert card.install_announced(announcement(number=6)) == refused(OutcomeCode.EXPIRED)


def test_a_clock_in_the_past_keeps_nobody_from_a_security_update(card: UpdateMachine) -> None:
    card.now_s = lambda: 0.0
    assert card.install_announced(announcement()) == DONE


# --- release keys ---


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_newer_list_of_release_keys_is_kept_and_the_floor_rises_with_it(card: UpdateMachine) -> None:
    newer = encoded(release_keys(3, security_floor="3.0"))
    assert card.work().take_release_keys(newer) == (UpdateOutcome.DONE, "")
    assert (card.state["keys_number"], card.state["floor"]) == (3, "3.0")
    assert card.install("2.0") == refused(OutcomeCode.BELOW_FLOOR)
    assert card.work().take_release_keys(newer) == refused(OutcomeCode.OLD)
    assert card.work().take_release_keys(encoded(release_keys(2, security_floor="0.1"))) == refused(OutcomeCode.OLD)
    assert (card.state["keys_number"], card.state["floor"]) == (3, "3.0")


def test_a_list_that_lowers_the_floor_lowers_nothing(card: UpdateMachine) -> None:
    card.work().take_release_keys(encoded(release_keys(2, security_floor="3.0")))
    card.work().take_release_keys(encoded(release_keys(3, security_floor="0.1")))
    assert (card.state["keys_number"], card.state["floor"]) == (3, "3.0")


def test_a_list_comes_with_an_update_and_counts_for_it(card: UpdateMachine) -> None:
    revoking = encoded(release_keys(2, security_floor="2.1"))
    assert card.install("2.0", release_keys=revoking) == refused(OutcomeCode.BELOW_FLOOR)
    assert card.install_announced(announcement("2.2", release_keys=revoking), "2.2") == DONE


def test_a_list_that_nobody_signed_stops_the_update(card: UpdateMachine) -> None:
    forged = bytearray(release_keys(2))
    forged[-3] ^= 1
    assert card.install("2.0", release_keys=encoded(bytes(forged))) == refused(OutcomeCode.FORGED)
    assert card.work().take_release_keys("AAAA") == refused(OutcomeCode.UNREADABLE)
    assert card.state["keys_number"] == 1


OTHER = certificate("other")


@pytest.mark.parametrize(
    ("certificates", "changes", "code"),
    [
        ([CERTIFICATE, OTHER], {"revoked": (fingerprint_of(OTHER),)}, OutcomeCode.KEY_REVOKED),
        ([CERTIFICATE], {}, OutcomeCode.KEY_REVOKED),
        ([CERTIFICATE, OTHER], {"security_floor": "2.1"}, OutcomeCode.BELOW_FLOOR),
    ],
)
def test_what_waits_is_given_up_where_a_newer_list_would_not_let_it_be_installed(
    card: UpdateMachine, certificates: list[str], changes: dict[str, Any], code: OutcomeCode
) -> None:
    card.image_list(release_keys(2, [CERTIFICATE, OTHER]))
    card.recovered()
    card.install("2.0")
    assert card.work().take_release_keys(encoded(release_keys(3, certificates, **changes))) == (UpdateOutcome.DONE, "")
    assert (card.state["installed"], card.state["last"], card.state["last_version"]) == ("", code, "2.0")
    assert card.work().start_trial() == refused(OutcomeCode.FAILED)
    assert GRUB.read(card.boot_file.read_bytes()) == Marks(Slot.A, None)


def test_what_waits_waits_on_where_a_newer_list_takes_nothing_back(card: UpdateMachine) -> None:
    card.install("2.0")
    card.work().take_release_keys(encoded(release_keys(2, [CERTIFICATE, OTHER], security_floor="2.0")))
    assert card.state["installed"] == "2.0"


def test_a_list_that_comes_with_a_trial_that_a_power_cut_ended_counts_for_the_next_one(card: UpdateMachine) -> None:
    card.on_trial()
    card.start()
    card.work().take_release_keys(encoded(release_keys(2, [OTHER])))
    assert card.work().start_trial() == refused(OutcomeCode.FAILED)


def test_a_card_without_a_list_takes_nothing(card: UpdateMachine) -> None:
    (card.machine.state / "update.json").unlink()
    card.image_list(b"")
    card.recovered()
    assert card.install() == refused(OutcomeCode.UNKNOWN_KEY)


# --- the trial ---


def test_a_trial_is_booted_once_and_kept_when_the_handset_says_so(card: UpdateMachine) -> None:
    card.image_list(release_keys(1))
    work = card.on_trial()
    assert "systemctl --no-block reboot" in card.commands
    assert (card.slot, work.is_on_trial, card.state["on_trial"], card.state["installed"]) == (Slot.B, True, True, "")
    assert card.install("3.0") == refused(OutcomeCode.BUSY)
    assert work.start_trial() == work.take_release_keys("") == refused(OutcomeCode.BUSY)
    card.image_list(release_keys(7, security_floor="1.5"))
    assert work.works() == (UpdateOutcome.DONE, OutcomeCode.APPLIED)
    assert work.works() == (UpdateOutcome.DONE, OutcomeCode.APPLIED)
    state = card.state
    assert (state["on_trial"], state["last"], state["last_version"], state["floor"]) == (False, "applied", "2.0", "1.5")
    card.start()
    assert (card.slot, card.memory.last) == (Slot.B, OutcomeCode.APPLIED)


def test_the_new_systems_own_floor_counts_only_once_it_is_kept(card: UpdateMachine) -> None:
    card.on_trial()
    card.image_list(release_keys(7, security_floor="1.5"))
    card.recovered()
    assert card.memory.floor == "0.1"
    card.work().works()
    assert card.memory.floor == "1.5"


def test_the_list_of_a_system_that_has_failed_does_not_count(card: UpdateMachine) -> None:
    card.on_trial().note_failed()
    card.image_list(release_keys(7, [certificate("theirs")], security_floor="1.5"))
    card.recovered()
    assert (card.memory.floor, card.memory.keys_number) == ("0.1", 1)


def test_a_trial_that_fails_goes_back_and_is_not_tried_again(card: UpdateMachine) -> None:
    work = card.on_trial()
    assert work.fails() == (UpdateOutcome.DONE, OutcomeCode.WENT_BACK)
    assert card.commands[-1] == "systemctl --no-block reboot"
    assert card.state["on_trial"], "until it is back, nothing is sure of it: its store stays shut"
    card.start()
    assert (card.slot, card.state["last"], card.state["last_version"]) == (Slot.A, "went_back", "2.0")
    assert card.install("2.0") == refused(OutcomeCode.WENT_BACK)
    assert card.install("2.0rc1") == refused(OutcomeCode.WENT_BACK)
    assert card.install("2.0.1") == DONE


def test_a_power_cut_lets_it_be_tried_again_three_times_in_all(card: UpdateMachine) -> None:
    card.on_trial()
    for tries in (1, 2):
        work = card.start()
        assert (card.slot, card.state["installed"], card.state["tries"]) == (Slot.A, "2.0", tries)
        assert work.start_trial() == (UpdateOutcome.DONE, "")
        card.start()
        assert card.slot is Slot.B
    card.start()
    assert (card.slot, card.state["installed"], card.state["last"]) == (Slot.A, "", "went_back")


def test_a_slot_with_another_version_than_was_written_to_it_is_not_kept(card: UpdateMachine) -> None:
    card.install("2.0")
    card.work().start_trial()
    # What was written went to another disk of the card's name.
    (card.root / "slots/B").write_text("0.9")
    work = card.start()
    assert card.commands[-1] == "systemctl --no-block reboot"
    assert work.works()[0] is UpdateOutcome.REFUSED
    card.start()
    assert (card.slot, card.state["last"], card.state["last_version"]) == (Slot.A, "went_back", "2.0")


def test_where_nobody_can_read_what_root_remembers_a_trial_is_still_one(card: UpdateMachine) -> None:
    card.on_trial()
    (card.machine.state / "update.json").write_text("{")
    card.work().write_state()
    assert card.state["on_trial"]


def test_a_board_whose_bootloader_knows_no_trials_takes_no_update(
    card: UpdateMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UpdateMachine, "knows_trials", False)
    assert card.install_announced(announcement()) == refused(OutcomeCode.FAILED)
    assert card.wanted == []


def test_where_rauc_does_not_say_what_it_has_written_the_update_comes_again(
    card: UpdateMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UpdateMachine, "_slots", lambda _self: [])
    assert card.install() == refused(OutcomeCode.FAILED)
    monkeypatch.undo()
    assert card.install() == DONE


def test_a_watchdog_ends_the_trial_for_good(card: UpdateMachine) -> None:
    card.on_trial()
    card.start(by_watchdog=True)
    assert (card.state["last"], card.memory.waiting) == (OutcomeCode.WENT_BACK, None)


def test_a_system_that_runs_because_the_primary_one_cannot_be_loaded_takes_updates(card: UpdateMachine) -> None:
    card.on_trial().works()
    card.start()
    # What GRUB does where B has no kernel that loads.
    card.power = card.power.model_copy(update={"slot": Slot.A, "as_trial": False})
    card.boot_image("1.0")
    card.recovered()
    assert GRUB.read(card.boot_file.read_bytes()) == Marks(Slot.B, None)
    released = []
    program = UpdateMachine._program

    def hand(self: UpdateMachine, command: Sequence[str], on_line: Any) -> int:
        if command[:2] == ("rauc", "install"):
            # As systemd/boot-slot, which RAUC asks before it overwrites a system.
            with self.boot() as boot:
                boot.release(Slot.B)
            released.append(Slot.B)
        return program(self, command, on_line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UpdateMachine, "_program", hand)
        assert card.install("2.1") == DONE
    assert released == [Slot.B]
    assert card.work().start_trial() == (UpdateOutcome.DONE, "")
    card.start()
    assert (card.slot, card.state["on_trial"]) == (Slot.B, True)


@pytest.mark.parametrize("was_tried", [False, True])
def test_a_version_that_nobody_has_found_to_work_is_not_kept_because_the_bootloaders_file_is_damaged(
    card: UpdateMachine, was_tried: bool
) -> None:
    card.on_trial().works()
    # Version 3.0 waits in A, which GRUB takes where it cannot read which is the primary one.
    if was_tried:
        card.on_trial("3.0")
    else:
        card.install("3.0")
    card.boot_file.write_bytes(b"damaged")
    work = card.start()
    assert (card.slot, card.state["on_trial"], card.memory.last) == (Slot.A, True, OutcomeCode.INSTALLED)
    assert work.fails() == (UpdateOutcome.DONE, OutcomeCode.WENT_BACK)
    card.start()
    assert (card.slot, card.state["last"], card.state["last_version"]) == (Slot.B, "went_back", "3.0")


def test_wishes_about_a_trial_that_is_none_change_nothing(card: UpdateMachine) -> None:
    before = card.memory
    assert card.work().works()[0] is card.work().fails()[0] is UpdateOutcome.REFUSED
    assert card.work().start_trial() == refused(OutcomeCode.FAILED)
    assert card.memory == before


def test_a_machine_that_does_not_start_anew_has_no_trial_armed(card: UpdateMachine) -> None:
    card.install("2.0")
    card.answers["systemctl --no-block reboot"] = None
    assert card.work().start_trial() == refused(OutcomeCode.FAILED)
    assert GRUB.read(card.boot_file.read_bytes()) == Marks(Slot.A, None)
    assert card.memory.waiting is not None
    assert (card.memory.waiting.phase, card.memory.waiting.tries) == (Phase.PENDING, 0)


def test_the_bootloaders_own_argument_goes_with_the_reboot(
    card: UpdateMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    card.install("2.0")
    monkeypatch.setattr("firmware.setup.root.boot.choice.BootChoice.arm_trial", lambda *_arguments: "0 tryboot")
    card.work().start_trial()
    assert card.commands[-1] == "systemctl --no-block reboot --reboot-argument=0 tryboot"


def test_a_service_that_was_cut_off_before_the_way_back_goes_back_when_it_is_started_anew(card: UpdateMachine) -> None:
    card.on_trial().note_failed()
    card.commands.clear()
    card.recovered()
    assert card.commands == ["systemctl --no-block reboot"]


def test_a_machine_that_can_load_nothing_but_what_failed_stays_on(card: UpdateMachine) -> None:
    card.on_trial().fails()
    # The bootloader falls back to it.
    card.boot_file.write_bytes(GRUB.content(Marks(Slot.A, Slot.B)))
    card.commands.clear()
    card.start()
    assert (card.slot, card.commands, card.state["last"]) == (Slot.B, [], OutcomeCode.FAILED)
