"""Whose signature counts on documents of the operator."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, field_validator

from provisioning.section import ConfigurationTable, Section

_PUBLIC_KEY_BYTES: Final = 32
_KEY_ID_BYTES: Final = 8


class Kind(StrEnum):
    """What is signed; a key may sign only the kinds that it is pinned for.

    POLICY, NOTICE, CATALOGUE, ANSWER, RESET: documents; see provisioning.signed.
    UPDATE: documents that announce a release; see provisioning.update. Its key signs nothing else.
    BUNDLE: bundles with all that is in them; see provisioning.bundle.
    FIRMWARE: nothing. Configurations that name it are read until 2027-12.
    """

    POLICY = "policy"
    NOTICE = "notice"
    CATALOGUE = "catalogue"
    ANSWER = "answer"
    RESET = "reset"
    UPDATE = "update"
    BUNDLE = "bundle"
    FIRMWARE = "firmware"


def decode_public_key(text: str) -> bytes:
    """Return the bytes of an Ed25519 public key that is written in base64.

    Raises:
        ValueError: it is not one.
    """
    try:
        public = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("a key is written in base64, as `wecall key new` shows it") from error
    if len(public) != _PUBLIC_KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {_PUBLIC_KEY_BYTES} bytes, this one has {len(public)}")
    return public


def key_id(public: bytes) -> str:
    """Return what documents name a public key by, in hexadecimal."""
    return hashlib.sha256(b"WeCall Handset, key id\0" + public).hexdigest()[: 2 * _KEY_ID_BYTES]


def _checked(text: str) -> str:
    decode_public_key(text)
    return text


class TrustedKey(Section):
    """The operator's keys, up to eight.

    Attributes:
        public: the Ed25519 public key in base64, as `wecall key new` shows it.
        signs: the kinds that it may sign; "update" stands alone.
    """

    public: Annotated[
        str,
        Field(
            max_length=64,
            description="an Ed25519 public key in base64, as `wecall key new` shows it",
            examples=["5h0xT7c0N7yB5yev1wEb9nrDn91zzNdicH0XkkUwoyc="],
        ),
        AfterValidator(_checked),
    ]
    signs: Annotated[frozenset[Kind], Field(min_length=1)]

    @field_validator("signs")
    @classmethod
    def _updates_have_a_key_of_their_own(cls, signs: frozenset[Kind]) -> frozenset[Kind]:
        if Kind.UPDATE in signs and len(signs) > 1:
            raise ValueError('a key that signs "update" signs nothing else; give everything else to another key')
        return signs

    @property
    def key_id(self) -> str:
        """What documents name it by."""
        return key_id(decode_public_key(self.public))


def may_sign(public: bytes, kind: Kind, keys: Iterable[TrustedKey]) -> bool:
    """Tell whether one of the keys is this public key and is pinned for the kind."""
    return any(kind in key.signs and decode_public_key(key.public) == public for key in keys)


class Trust(ConfigurationTable):
    """Whose signature counts. Without a key no document of the operator is taken, and no bundle after the first.

    Attributes:
        keys: several, so that a new one can be pinned before the old one goes.
    """

    keys: Annotated[tuple[TrustedKey, ...], Field(max_length=8)] = ()

    @field_validator("keys")
    @classmethod
    def _keys_stand_once(cls, keys: tuple[TrustedKey, ...]) -> tuple[TrustedKey, ...]:
        if len({key.key_id for key in keys}) < len(keys):
            raise ValueError("the same key stands more than once; give it once, with all that it signs")
        return keys

    def has_key_for(self, kind: Kind) -> bool:
        """Tell whether anybody may sign this kind."""
        return any(kind in key.signs for key in self.keys)
