"""Proofs of a log of the test's own, judged by the phone and by Debian's `sigsum-verify`."""

import random
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from contract.results import OutcomeCode
from provisioning.errors import ProvisioningError
from provisioning.signed import DocumentRefusedError
from provisioning.transparency import LogPolicy, check_proof, read_submitter_keys, release_statement
from tests.lab import chance
from tests.lab.transparency_log import Party, TransparencyLog

STATEMENT = release_statement("0.3.0", "wecall-handset-amd64", "5f" * 32)
EVERYBODY = ("x1", "x2", "x3", "y1")


@dataclass
class Bench:
    """A log, its policy, and both judges.

    Attributes:
        log: with the witnesses x1, x2, x3 and y1, of which two of the x and y1 are the quorum.
        submitter: who may log releases.
        policy: as a file of Sigsum's.
        folder: for what `sigsum-verify` reads.
        dice: decide what chance does.
    """

    log: TransparencyLog
    submitter: Party
    policy: str
    folder: Path
    dice: random.Random

    def prove(self, index: int, size: int, by: Sequence[str] = EVERYBODY, statement: bytes = STATEMENT) -> str:
        return self.log.prove(statement, self.submitter, index, size, cosigned_by=by)

    def phone_takes(self, proof: str, statement: bytes = STATEMENT, policy: str = "") -> bool:
        keys = read_submitter_keys(self.submitter.ssh_line)
        refused: DocumentRefusedError | None = None
        try:
            check_proof(proof, statement, keys, LogPolicy.read(policy or self.policy))
        except DocumentRefusedError as error:
            refused = error
        assert refused is None or (refused.refusal is OutcomeCode.NO_PROOF and str(refused).endswith("."))
        return refused is None

    def sigsum_takes(self, proof: str, statement: bytes = STATEMENT, policy: str = "") -> bool:
        for name, text in (("proof", proof), ("policy", policy or self.policy), ("key", self.submitter.ssh_line)):
            (self.folder / name).write_bytes(text.encode())
        command = ["sigsum-verify", "--key", "key", "--policy", "policy", "proof"]
        done = subprocess.run(command, cwd=self.folder, input=statement, capture_output=True, check=False)
        return done.returncode == 0

    def both_take(self, proof: str, statement: bytes = STATEMENT, policy: str = "") -> bool:
        """Return what both say; they have to say the same."""
        ours, theirs = self.phone_takes(proof, statement, policy), self.sigsum_takes(proof, statement, policy)
        assert ours is theirs, proof
        return ours


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    dice = chance.dice()
    log = TransparencyLog(Party.made_by(dice), {name: Party.made_by(dice) for name in EVERYBODY})
    lines = [f"log {log.party.public.hex()} # ours", ""]
    lines += [f"witness {name} {witness.public.hex()}" for name, witness in log.witnesses.items()]
    lines += ["group x 2 x1 x2 x3", "group both all x y1", "quorum both"]
    return Bench(log, Party.made_by(dice), "\n".join(lines) + "\n", tmp_path, dice)


def test_a_release_is_stated_in_one_way_only() -> None:
    assert STATEMENT == (
        b"wecall-release=1\nversion=0.3.0\ncompatible=wecall-handset-amd64\nmanifest_sha256=" + b"5f" * 32 + b"\n"
    )


@pytest.mark.parametrize(
    ("version", "compatible", "digits"),
    [
        ("0.3.0\ncompatible=other", "wecall", "5f" * 32),
        ("", "wecall", "5f" * 32),
        ("0.3.0", "wecall handset", "5f" * 32),
        ("0.3.0", "wecall", "5F" * 32),
        ("0.3.0", "wecall", "5f" * 31),
        ("0.3.0", "wecall", "5f" * 32 + "\n"),
    ],
)
def test_nothing_slips_into_a_statement(version: str, compatible: str, digits: str) -> None:
    with pytest.raises(DocumentRefusedError, match=r"no log can have it.*\.$"):
        release_statement(version, compatible, digits)


def test_a_logged_release_is_taken_wherever_it_stands(bench: Bench) -> None:
    for size in range(1, 20):
        for index in range(size):
            assert bench.phone_takes(bench.prove(index, size))


@pytest.mark.soak
def test_both_take_proofs_from_logs_of_any_size(bench: Bench) -> None:
    assert bench.both_take(bench.prove(0, 1))
    for _ in range(chance.counted(300, 30)):
        size = bench.dice.randrange(1, 2000)
        assert bench.both_take(bench.prove(bench.dice.randrange(size), size))


def test_both_refuse_the_proof_of_another_statement(bench: Bench) -> None:
    other = release_statement("0.3.1", "wecall-handset-amd64", "5f" * 32)
    assert not bench.both_take(bench.prove(3, 7), other)


def test_both_refuse_a_submitter_or_a_log_of_no_standing(bench: Bench) -> None:
    stranger = Party.made_by(bench.dice)
    assert not bench.both_take(bench.log.prove(STATEMENT, stranger, 3, 7, cosigned_by=EVERYBODY))
    elsewhere = TransparencyLog(stranger, bench.log.witnesses)
    assert not bench.both_take(elsewhere.prove(STATEMENT, bench.submitter, 3, 7, cosigned_by=EVERYBODY))


def test_what_a_log_takes_in_without_the_submitters_signature_is_refused(bench: Bench) -> None:
    forger = Party.made_by(bench.dice)
    assert not bench.both_take(bench.log.prove(STATEMENT, bench.submitter, 3, 7, cosigned_by=EVERYBODY, signer=forger))


def test_a_log_that_lies_about_its_size_is_refused(bench: Bench) -> None:
    for told in (2, 3, 5, 8, 9, 2**63 - 1):
        lie = bench.log.prove(STATEMENT, bench.submitter, 0, 4, cosigned_by=EVERYBODY, told_size=told)
        assert bench.both_take(lie) is (told == 3), told


def test_a_place_beyond_the_logs_end_is_refused(bench: Bench) -> None:
    assert bench.both_take(bench.prove(0, 2))
    assert not bench.both_take(bench.prove(0, 2).replace("leaf_index=0", "leaf_index=2"))


@pytest.mark.parametrize(
    ("by", "enough"),
    [
        ((), False),
        (("x1", "x2", "x3"), False),
        (("x1", "y1"), False),
        (("x3", "x2", "y1"), True),
        (("y1", "x1", "x3"), True),
    ],
)
def test_both_ask_for_the_quorum(bench: Bench, by: tuple[str, ...], enough: bool) -> None:
    assert bench.both_take(bench.prove(5, 6, by)) is enough


def test_a_cosignature_of_another_tree_does_not_count(bench: Bench) -> None:
    proof, other = bench.prove(5, 6), bench.prove(5, 7)
    theirs = [line for line in other.splitlines() if line.startswith("cosignature")]
    mixed = re.sub(r"(cosignature=.*\n)+", "\n".join(theirs) + "\n", proof)
    assert not bench.both_take(mixed)


def test_the_words_of_a_policy_mean_the_same_to_both(bench: Bench) -> None:
    proof = bench.prove(2, 9, ("x1",))
    head = "".join(line for line in bench.policy.splitlines(keepends=True) if not line.startswith(("group", "quorum")))
    for rest, enough in (
        ("quorum none\n", True),
        ("quorum x1\n", True),
        ("quorum x2\n", False),
        ("group some any x2 x1\nquorum some\n", True),
        ("group some all x2 x1\n\tquorum  some # both\n", False),
        ("group some 2 x2 x1 none\nquorum some", True),
    ):
        assert bench.both_take(proof, policy=head + rest) is enough


@pytest.mark.soak
def test_both_judge_every_changed_proof_alike(bench: Bench) -> None:
    """Digits and lines are others, gone, moved or doubled: taken by both or by none."""
    for _ in range(chance.counted(5000, 400)):
        size = bench.dice.randrange(1, 40)
        proof = bench.prove(bench.dice.randrange(size), size, bench.dice.sample(EVERYBODY, 4))
        change = bench.dice.choice([_other_character, _other_digit, _without_line, _line_twice, _lines_moved, _cut])
        bench.both_take(change(proof, bench.dice))


def _other_character(proof: str, dice: random.Random) -> str:
    at = dice.randrange(len(proof))
    return proof[:at] + dice.choice("\n\r =ghz+-_ü\0") + proof[at + dice.randrange(2) :]


def _other_digit(proof: str, dice: random.Random) -> str:
    at = dice.choice([found.start() for found in re.finditer("[0-9a-f]", proof)])
    return proof[:at] + dice.choice("0123456789abcdef") + proof[at + 1 :]


def _without_line(proof: str, dice: random.Random) -> str:
    lines = proof.splitlines(keepends=True)
    del lines[dice.randrange(len(lines))]
    return "".join(lines)


def _line_twice(proof: str, dice: random.Random) -> str:
    lines = proof.splitlines(keepends=True)
    at = dice.randrange(len(lines))
    return "".join([*lines[:at], lines[at], *lines[at:]])


def _lines_moved(proof: str, dice: random.Random) -> str:
    lines = proof.splitlines(keepends=True)
    lines.insert(dice.randrange(len(lines)), lines.pop(dice.randrange(len(lines))))
    return "".join(lines)


def _cut(proof: str, dice: random.Random) -> str:
    return proof[: dice.randrange(len(proof))]


def _in_large_digits(proof: str) -> str:
    return re.sub(r"(?<=root_hash=)\w+", lambda found: found[0].upper(), proof)


def _of_version_1(proof: str) -> str:
    return proof.replace("version=2", "version=1").replace("leaf=", "leaf=0000 ")


def _with_strangers(proof: str) -> str:
    lines = "".join(f"cosignature={number:064x} 1 {0:0128x}\n" for number in range(33))
    return proof.replace("cosignature=", lines + "cosignature=", 1)


@pytest.mark.parametrize("change", [_in_large_digits, _of_version_1, _with_strangers])
def test_the_phone_is_the_stricter_reader(bench: Bench, change: Callable[[str], str]) -> None:
    proof = change(bench.prove(1, 3))
    assert bench.sigsum_takes(proof)
    assert not bench.phone_takes(proof)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("quorum both\n", "", "no line `quorum`"),
        ("quorum both", "quorum nobody", "Line 9"),
        ("quorum both", "quorum both\nquorum both", "Line 10"),
        ("group x 2 ", "group x 4 ", "Line 7"),
        ("group x 2 ", "group x 0 ", "Line 7"),
        ("group x 2 x1", "group x1 2 x1", "Line 7"),
        ("group x 2 x1", "group none 2 x1", "Line 7"),
        ("group x 2 x1 x2", "group x 2 x1 y2", "Line 7"),
        ("group x 2 x1 x2", "group x 2 x1 x1", "Line 7"),
        ("log ", "logs ", "Line 1"),
        ("log ", "log aa", "Line 1"),
        ("witness x2", "witness x1", "Line 4"),
        ("witness x2", "witness ü", "Line 4"),
        ("witness x2", "witness x2 \r", "Line 4"),
    ],
)
def test_a_policy_that_says_nothing_clear_is_refused(bench: Bench, old: str, new: str, complaint: str) -> None:
    assert old in bench.policy
    with pytest.raises(ProvisioningError, match=rf"{complaint}.*\.$"):
        LogPolicy.read(bench.policy.replace(old, new, 1))


def test_a_policy_has_its_largest_size(bench: Bench) -> None:
    LogPolicy.read("\n".join([*(f"log {number:064x}" for number in range(32)), "quorum none"]))
    for kind, line in (("log", "log {0:064x}"), ("witness", "witness w{0} {0:064x}"), ("groups", "group g{0} 1 none")):
        with pytest.raises(ProvisioningError, match=f"Line 33.*more than 32|{kind}"):
            LogPolicy.read("\n".join([*(line.format(number) for number in range(33)), "quorum none"]))
    with pytest.raises(ProvisioningError, match="characters"):
        LogPolicy.read(bench.policy + "#" * 40_000)


@pytest.mark.parametrize("line", ["ssh-ed25519 AAAA", "5f" * 32, "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQ=="])
def test_a_submitter_who_is_no_key_is_refused(bench: Bench, line: str) -> None:
    with pytest.raises(ProvisioningError, match=r"^Line 2 .*\.$"):
        read_submitter_keys(f"{bench.submitter.ssh_line}\n{line}\n")
