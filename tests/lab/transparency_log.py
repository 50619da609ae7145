"""A Sigsum log, its witnesses and its submitter, each with a key of the test's own.

Written from Sigsum's and RFC 9162's words, not with the code that is tested: the tree is hashed by the recursive
definition of section 2.1.
"""

import base64
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


@dataclass(frozen=True)
class Party:
    """Somebody who signs."""

    key: Ed25519PrivateKey

    @classmethod
    def made_by(cls, dice: random.Random) -> Self:
        return cls(Ed25519PrivateKey.from_private_bytes(dice.randbytes(32)))

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def key_hash(self) -> str:
        return sha256(self.public).hex()

    @property
    def ssh_line(self) -> str:
        return self.key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def submitted(statement: bytes, submitter: Party, signer: Party) -> tuple[str, bytes]:
    """Return the leaf line of a proof, and the leaf as the tree has it (log.md, section 2.3.4)."""
    checksum = sha256(sha256(statement))
    signature = signer.key.sign(b"sigsum.org/v1/tree-leaf\0" + checksum)
    return f"leaf={submitter.key_hash} {signature.hex()}\n", checksum + signature + sha256(submitter.public)


@dataclass
class TransparencyLog:
    """A log with its leaves.

    Attributes:
        party: the log itself.
        witnesses: who cosign, by name.
        leaves: whole, 128 bytes each.
    """

    party: Party
    witnesses: dict[str, Party]
    leaves: list[bytes] = field(default_factory=list)

    def prove(
        self,
        statement: bytes,
        submitter: Party,
        index: int,
        size: int,
        *,
        cosigned_by: Sequence[str],
        signer: Party | None = None,
        told_size: int = 0,
    ) -> str:
        """Grow to a size with the statement at an index, and return its proof, version 2.

        Args:
            statement: what is logged.
            submitter: who the leaf says has signed it.
            index: where it stands.
            size: how many leaves there are.
            cosigned_by: which witnesses cosign.
            signer: who has signed it, where that is another one.
            told_size: how many leaves a log that lies says there are.
        """
        line, leaf = submitted(statement, submitter, signer or submitter)
        while len(self.leaves) < size:
            self.leaves.append(sha256(b"another", len(self.leaves).to_bytes(8)) * 4)
        self.leaves[index] = leaf
        nodes = [sha256(b"\0", each) for each in self.leaves[:size]]
        root = tree_hash(nodes)
        told = told_size or size
        note = f"sigsum.org/v1/tree/{self.party.key_hash}\n{told}\n{base64.b64encode(root).decode()}\n"
        proof = f"version=2\nlog={self.party.key_hash}\n{line}\nsize={told}\nroot_hash={root.hex()}\n"
        proof += f"signature={self.party.key.sign(note.encode()).hex()}\n"
        for number, name in enumerate(cosigned_by):
            witness, time_s = self.witnesses[name], 1_790_000_000 + number
            signature = witness.key.sign(f"cosignature/v1\ntime {time_s}\n{note}".encode())
            proof += f"cosignature={witness.key_hash} {time_s} {signature.hex()}\n"
        if size > 1:
            proof += f"\nleaf_index={index}\n"
            proof += "".join(f"node_hash={node.hex()}\n" for node in path_of(index, nodes))
        return proof


def tree_hash(nodes: Sequence[bytes]) -> bytes:
    """Return the root over some leaves' hashes (RFC 9162, section 2.1.1)."""
    if len(nodes) == 1:
        return nodes[0]
    split = _split(len(nodes))
    return sha256(b"\1", tree_hash(nodes[:split]), tree_hash(nodes[split:]))


def path_of(index: int, nodes: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof of a leaf (RFC 9162, section 2.1.3.1)."""
    if len(nodes) == 1:
        return []
    split = _split(len(nodes))
    if index < split:
        return [*path_of(index, nodes[:split]), tree_hash(nodes[split:])]
    return [*path_of(index - split, nodes[split:]), tree_hash(nodes[:split])]


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1
