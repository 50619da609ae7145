"""Proofs that a release stands in a public log: checked on the phone, and without a network.

A log keeps whoever signs releases from signing one for a single phone that nobody else ever sees. What is logged is the
hash of a release statement; the proof is Sigsum's, in the format that `sigsum-submit` writes (version 2,
sigsum-go/doc/sigsum-proof.md), the policy is Sigsum's file (sigsum-go/doc/policy.md). Read more strictly than there:
hexadecimal digits are small, a policy has the size that its Appendix B recommends, and no member stands twice.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from contract.results import OutcomeCode
from provisioning.errors import ProvisioningError
from provisioning.signed import DocumentRefusedError

MAX_PROOF_CHARACTERS: Final = 8 * 1024
_MAX_POLICY_CHARACTERS: Final = 32 * 1024
_MAX_NAMED: Final = 32
"""How many logs, witnesses and groups a policy has at most, and how many cosignatures a proof."""
_MAX_PATH: Final = 63
_NUMBERS_END: Final = 2**63

_HASH: Final = "[0-9a-f]{64}"
_SIGNATURE: Final = "[0-9a-f]{128}"
_NUMBER: Final = "(?:0|[1-9][0-9]{0,18})"
_PROOF: Final = re.compile(
    "version=2\n"
    f"log=(?P<log>{_HASH})\n"
    f"leaf=(?P<submitter>{_HASH}) (?P<leaf_signature>{_SIGNATURE})\n"
    "\n"
    f"size=(?P<size>{_NUMBER})\n"
    f"root_hash=(?P<root>{_HASH})\n"
    f"signature=(?P<signature>{_SIGNATURE})\n"
    f"(?P<cosignatures>(?:cosignature={_HASH} {_NUMBER} {_SIGNATURE}\n){{0,{_MAX_NAMED}}})"
    f"(?:\nleaf_index=(?P<index>{_NUMBER})\n(?P<path>(?:node_hash={_HASH}\n){{1,{_MAX_PATH}}}))?"
)
_KEY: Final = re.compile(_HASH)
_WORD: Final = re.compile(r"[!-~]{1,200}")

_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,63}")
_COMPATIBLE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

# The names that Sigsum's signatures begin with (log.md of Sigsum's documentation, C2SP tlog-checkpoint and
# tlog-cosignature), and the bytes that part leaves from nodes (RFC 9162, section 2.1.1).
_LEAF_NAMESPACE: Final = b"sigsum.org/v1/tree-leaf\0"
_TREE_ORIGIN: Final = "sigsum.org/v1/tree/"
_COSIGNATURE_NAMESPACE: Final = "cosignature/v1"
_LEAF: Final = b"\0"
_NODE: Final = b"\1"


def release_statement(version: str, compatible: str, manifest_sha256: str) -> bytes:
    """Return the text that is logged of a release, byte for byte, from what RAUC says of its bundle.

    Args:
        version: as `[update] version` of the manifest.
        compatible: which hardware it is for, as there.
        manifest_sha256: RAUC's hash of the manifest, in small hexadecimal digits.

    Raises:
        DocumentRefusedError: one of them cannot stand in a statement.
    """
    for value, good, what in (
        (version, _VERSION, "version"),
        (compatible, _COMPATIBLE, "hardware"),
        (manifest_sha256, _KEY, "manifest's hash"),
    ):
        if not good.fullmatch(value):
            _refuse(f"The bundle names a {what} that no release has, so no log can have it. Make the bundle again.")
    text = f"wecall-release=1\nversion={version}\ncompatible={compatible}\nmanifest_sha256={manifest_sha256}\n"
    return text.encode("ascii")


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """Which logs count, and which witnesses have to have seen what a log says.

    Attributes:
        logs: their public keys, by the keys' hashes.
        witnesses: name and public key, by the keys' hashes.
        groups: in the order in which they stand; each names what stands before it.
        quorum: the name of the witness or group whose word is enough; "none" where no witness is asked.
    """

    logs: Mapping[bytes, bytes]
    witnesses: Mapping[bytes, tuple[str, bytes]]
    groups: tuple[_Group, ...]
    quorum: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a policy file of Sigsum's.

        Raises:
            ProvisioningError: it is none; the message names the line.
        """
        if len(text) > _MAX_POLICY_CHARACTERS:
            raise ProvisioningError(
                f"The log policy has {len(text)} characters; {_MAX_POLICY_CHARACTERS} are allowed. Shorten it."
            )
        reader = _PolicyReader()
        for number, line in enumerate(text.split("\n"), 1):
            try:
                reader.read(line.partition("#")[0].replace("\t", " ").split(" "))
            except ValueError as error:
                raise ProvisioningError(
                    f"Line {number} of the log policy is wrong: {error}. Mend it as Sigsum's policy.md says."
                ) from error
        if reader.quorum is None:
            raise ProvisioningError("The log policy has no line `quorum`. Add one as Sigsum's policy.md says.")
        return cls(reader.logs, reader.witnesses, tuple(reader.groups), reader.quorum)

    def is_quorum(self, seen_by: Iterable[str]) -> bool:
        """Tell whether the witnesses of these names are enough."""
        reached = {"none", *seen_by}
        for group in self.groups:
            if len(reached.intersection(group.members)) >= group.threshold:
                reached.add(group.name)
        return self.quorum in reached


class _PolicyReader:
    """Takes a policy line by line; a line that is wrong raises ValueError with the reason."""

    def __init__(self) -> None:
        self.logs: dict[bytes, bytes] = {}
        self.witnesses: dict[bytes, tuple[str, bytes]] = {}
        self.groups: list[_Group] = []
        self.quorum: str | None = None
        self._names = {"none"}
        self._lines: Mapping[str, Callable[[Sequence[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }

    def read(self, fields: Iterable[str]) -> None:
        words = [field for field in fields if field]
        if not words:
            return
        if not all(_WORD.fullmatch(word) for word in words):
            raise ValueError("it has a word that is not plain ASCII, or too long")
        if words[0] not in self._lines:
            raise ValueError("it begins with none of log, witness, group and quorum")
        self._lines[words[0]](words[1:])

    def _log(self, words: Sequence[str]) -> None:
        key, *_ = _counted(words, 1, 2)
        key_hash, public = _public_key(key)
        if key_hash in self.logs or len(self.logs) == _MAX_NAMED:
            raise ValueError(f"the log stands there already, or there are more than {_MAX_NAMED}")
        self.logs[key_hash] = public

    def _witness(self, words: Sequence[str]) -> None:
        name, key, *_ = _counted(words, 2, 3)
        key_hash, public = _public_key(key)
        if key_hash in self.witnesses or len(self.witnesses) == _MAX_NAMED:
            raise ValueError(f"the witness stands there already, or there are more than {_MAX_NAMED}")
        self._define(name)
        self.witnesses[key_hash] = (name, public)

    def _group(self, words: Sequence[str]) -> None:
        name, threshold, *members = _counted(words, 3, 2 + 2 * _MAX_NAMED)
        if len(set(members)) < len(members) or not self._names.issuperset(members):
            raise ValueError("a member stands there twice, or on no line before")
        if threshold in {"any", "all"}:
            needed = 1 if threshold == "any" else len(members)
        elif not re.fullmatch("[1-9][0-9]?", threshold) or (needed := int(threshold)) > len(members):
            raise ValueError(f"`any`, `all` or a number from 1 to {len(members)} is wanted, how many have to agree")
        if len(self.groups) == _MAX_NAMED:
            raise ValueError(f"there are more than {_MAX_NAMED} groups")
        self._define(name)
        self.groups.append(_Group(name, needed, tuple(members)))

    def _quorum(self, words: Sequence[str]) -> None:
        (name,) = _counted(words, 1, 1)
        if self.quorum is not None or name not in self._names:
            raise ValueError("there are two quorums, or its name stands on no line before")
        self.quorum = name

    def _define(self, name: str) -> None:
        if name in self._names:
            raise ValueError("the name stands for something already")
        self._names.add(name)


def read_submitter_keys(text: str) -> tuple[bytes, ...]:
    """Read the public keys of those who log releases, one a line in OpenSSH's form, as `sigsum-key` writes it.

    Raises:
        ProvisioningError: a line is no Ed25519 key.
    """
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        try:
            key = load_ssh_public_key(line.encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise ProvisioningError(
                f"Line {number} of the submitters' keys is no Ed25519 key of OpenSSH's form. Put one there that "
                "`sigsum-key generate` made."
            )
        keys.append(key.public_bytes_raw())
    return tuple(keys)


@dataclass(frozen=True, slots=True)
class _Proof:
    """A proof that was read, of which nothing is believed yet."""

    log: bytes
    submitter: bytes
    leaf_signature: bytes
    size: int
    root: bytes
    signature: bytes
    cosignatures: Mapping[bytes, tuple[int, bytes]]
    index: int
    path: tuple[bytes, ...]

    def checkpoint(self) -> str:
        """Return what the log signs of its tree (C2SP tlog-checkpoint)."""
        return f"{_TREE_ORIGIN}{self.log.hex()}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def check_proof(proof: str, statement: bytes, submitter_keys: Iterable[bytes], policy: LogPolicy) -> None:
    """Check that a release stands in a log, by the steps of sigsum-proof.md.

    Args:
        proof: as `sigsum-submit` wrote it.
        statement: the `release_statement` of the release.
        submitter_keys: the Ed25519 public keys that may log releases.
        policy: the logs and witnesses that count.

    Raises:
        DocumentRefusedError: with `NO_PROOF`; the message says which step failed.
    """
    read = _read(proof)
    checksum = _sha256(_sha256(statement))
    submitter = {_sha256(key): key for key in submitter_keys}.get(read.submitter)
    if submitter is None:
        _refuse(
            "The proof is of a submitter who may not log releases for this phone. Log the release with its own key."
        )
    if not _signed(submitter, _LEAF_NAMESPACE + checksum, read.leaf_signature):
        _refuse(
            "The proof is of another release, or its submitter's signature is forged. Publish the release's own proof."
        )
    log = policy.logs.get(read.log)
    if log is None:
        _refuse("The proof is of a log that this phone does not know. Log the release where the phone's policy says.")
    checkpoint = read.checkpoint()
    if not _signed(log, checkpoint.encode(), read.signature):
        _refuse("The log's signature does not fit the proof. Fetch the proof from the log again.")
    seen_by = [
        name
        for key_hash, (time_s, signature) in read.cosignatures.items()
        for name, public in [policy.witnesses.get(key_hash, ("", b""))]
        if public and _signed(public, f"{_COSIGNATURE_NAMESPACE}\ntime {time_s}\n{checkpoint}".encode(), signature)
    ]
    if not policy.is_quorum(seen_by):
        _refuse("Too few witnesses have signed what the log says. Fetch a newer proof from the log.")
    leaf = _sha256(_LEAF + checksum + read.leaf_signature + read.submitter)
    if _root(leaf, read.index, read.size, read.path) != read.root:
        _refuse("The release does not stand where the proof says in the log. Fetch the proof from the log again.")


def _read(proof: str) -> _Proof:
    found = _PROOF.fullmatch(proof) if len(proof) <= MAX_PROOF_CHARACTERS else None
    if found is None:
        _refuse(
            "The proof is none of Sigsum's, version 2, or it was cut short. Publish it as `sigsum-submit` wrote it."
        )
    lines = [line.removeprefix("cosignature=").split(" ") for line in found["cosignatures"].splitlines()]
    cosignatures = {bytes.fromhex(key): (int(time_s), bytes.fromhex(signed)) for key, time_s, signed in lines}
    # A log of one leaf has no path, and its proof no last part.
    size, index = int(found["size"]), int(found["index"] or 0)
    numbers = [size, index, *(time_s for time_s, _ in cosignatures.values())]
    if len(cosignatures) < len(lines) or max(numbers) >= _NUMBERS_END:
        _refuse("The proof contradicts itself. Publish it as `sigsum-submit` wrote it.")
    return _Proof(
        log=bytes.fromhex(found["log"]),
        submitter=bytes.fromhex(found["submitter"]),
        leaf_signature=bytes.fromhex(found["leaf_signature"]),
        size=size,
        root=bytes.fromhex(found["root"]),
        signature=bytes.fromhex(found["signature"]),
        cosignatures=cosignatures,
        index=index,
        path=tuple(bytes.fromhex(line.removeprefix("node_hash=")) for line in (found["path"] or "").splitlines()),
    )


def _root(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """Return the tree's root that a leaf and its path lead to; None where they lead nowhere (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return None
    fn, sn, root = index, size - 1, leaf
    for node in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            root = _sha256(_NODE + node + root)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = _sha256(_NODE + root + node)
        fn, sn = fn >> 1, sn >> 1
    return root if sn == 0 else None


def _signed(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _public_key(digits: str) -> tuple[bytes, bytes]:
    if not _KEY.fullmatch(digits):
        raise ValueError("a key has 64 small hexadecimal digits, as `sigsum-key to-hex` writes it")
    public = bytes.fromhex(digits)
    return _sha256(public), public


def _counted(words: Sequence[str], least: int, most: int) -> Sequence[str]:
    if not least <= len(words) <= most:
        raise ValueError(f"it has {len(words)} words behind the first, where {least} to {most} are wanted")
    return words


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _refuse(message: str) -> NoReturn:
    raise DocumentRefusedError(OutcomeCode.NO_PROOF, message)
