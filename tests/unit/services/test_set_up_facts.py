"""What the installer's page says of how the handset was set up."""

from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.results import BundleResult, CheckName, OutcomeCode
from firmware.configuration.standing import BundleSource, Ended, Kept, Standing
from firmware.phone.bundle_news import BundleEnded
from firmware.phone.call import RegistrationFailure
from firmware.services.set_up_facts import set_up_facts
from provisioning.bundle import key_words
from provisioning.trust import Kind, TrustedKey
from tests.unit.phone.menus import said

PUBLIC = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
SIGNER = TrustedKey(public=b64encode(PUBLIC).decode(), signs=frozenset({Kind.BUNDLE}))
OTHER = TrustedKey(public=b64encode(bytes(32)).decode(), signs=frozenset({Kind.POLICY}))
DIGEST = "0" * 64


def told(standing: Standing, *keys: TrustedKey) -> list[tuple[str, str]]:
    return [(said(label), said(value)) for label, value in set_up_facts("abc123", standing, keys)]


def test_a_handset_that_no_bundle_has_set_up_says_so() -> None:
    assert told(Standing()) == [("Bundle", "none"), ("Serial number", "abc123"), ("Signer", "none")]


def test_the_bundle_that_counts_and_the_words_of_whoever_may_sign_the_next_one_are_told() -> None:
    kept = [Kept(number=number, digest=DIGEST, kept_at=0, note=f"site {number}") for number in (7, 12)]
    assert told(Standing(active=12, newest=12, kept=tuple(kept)), OTHER, SIGNER) == [
        ("Bundle", "12"),
        ("Note", "site 12"),
        ("Serial number", "abc123"),
        ("Signer", " ".join(key_words(PUBLIC))),
    ]


def test_what_became_of_the_last_one_is_told_with_its_reason() -> None:
    ended = Ended(
        offer="a" * 16,
        digest=DIGEST,
        source=BundleSource.STICK,
        result=BundleResult.REVERTED,
        code=CheckName.LINES,
        number=13,
        failure=RegistrationFailure.WRONG_PASSWORD,
        at=0,
    )
    facts = told(Standing(ended=ended), SIGNER)
    assert ("Last bundle", "Taken back") in facts
    assert ("", "Wrong password. Ask your installer.") in facts


def test_what_the_phone_has_heard_since_counts_before_what_was_kept() -> None:
    kept = Ended(offer="a" * 16, digest=DIGEST, source=BundleSource.STICK, result=BundleResult.APPLIED, number=12, at=0)
    heard = BundleEnded(BundleResult.REFUSED, OutcomeCode.UNREADABLE)
    facts = [(said(label), said(value)) for label, value in set_up_facts("abc123", Standing(ended=kept), (), heard)]
    assert [value for label, value in facts if label == "Last bundle"] == ["Refused"]
    assert ("", "The bundle is damaged. Copy it to the stick again.") in facts
