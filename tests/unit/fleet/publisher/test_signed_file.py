from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import FleetError
from fleet.publications import PublicationKind
from fleet.publisher.recipients import chosen, refuse_strangers
from fleet.publisher.signed_file import SignedFile, read_signed_file, trusted_keys
from provisioning.signed import sign
from provisioning.trust import Kind, TrustedKey
from tests.lab.bundles import Installer
from tests.lab.documents import FLEET, Operator
from tests.lab.releases import Releaser, update_content

NOW = datetime(2026, 3, 10, tzinfo=UTC)
OPERATOR = Operator(NOW - timedelta(days=1))
RELEASER = Releaser(NOW - timedelta(days=1))
DATES: dict[str, Any] = {"issued_at": NOW - timedelta(days=1), "not_after": NOW + timedelta(days=30)}
SERIAL = "10000000abcd1234"


def read(
    path: Path,
    kind: PublicationKind,
    content: bytes,
    *,
    fleet: str | None = FLEET,
    now: datetime = NOW,
    keys: tuple[TrustedKey, ...] = (OPERATOR.trusted, Installer().trusted, RELEASER.trusted),
) -> SignedFile:
    (file := path / "file").write_bytes(content)
    own = tuple(key for key in keys if Kind(kind.value) in key.signs)
    return read_signed_file(file, kind, own, fleet=fleet, now_s=now.timestamp())


def test_a_policy_a_notice_a_bundle_and_an_update_are_known_by_what_they_say_of_themselves(tmp_path: Path) -> None:
    policy = read(tmp_path, PublicationKind.POLICY, OPERATOR.policy(3, "2026-03-09"))
    assert (policy.name, policy.fleet, policy.devices, policy.serials) == ("2026-03-09", FLEET, None, None)
    notice = read(tmp_path, PublicationKind.NOTICE, OPERATOR.notice(4, devices=("a", "b")))
    assert (notice.name, notice.devices) == ("4", frozenset({"a", "b"}))
    bundle = read(tmp_path, PublicationKind.BUNDLE, Installer().bundle(number=9, serials=(SERIAL,), **DATES))
    assert (bundle.name, bundle.serials) == ("9", frozenset({SERIAL}))
    update = read(tmp_path, PublicationKind.UPDATE, RELEASER.update(6, "0.3.1", devices=("a",)))
    assert (update.name, update.devices) == ("0.3.1", frozenset({"a"}))
    assert len({policy.message, notice.message, bundle.message, update.message}) == 4


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        (PublicationKind.POLICY, b"not signed at all", "not a signed document"),
        (PublicationKind.NOTICE, OPERATOR.policy(1, "1"), "where a notice is wanted"),
        (PublicationKind.POLICY, OPERATOR.policy(1, "1")[:-1] + b" ", "signature does not fit"),
        (PublicationKind.POLICY, Operator(NOW - timedelta(days=200)).policy(1, "1"), "not to be taken after"),
        (PublicationKind.POLICY, Operator(NOW + timedelta(days=2)).policy(1, "1"), "from the future"),
        (PublicationKind.POLICY, OPERATOR.policy(1, "1", fleet="other"), "you look after shop"),
        (PublicationKind.BUNDLE, b"not a bundle", "not a bundle"),
        (PublicationKind.BUNDLE, Installer(b"x" * 32).bundle(**DATES), "key"),
        (PublicationKind.BUNDLE, Installer().bundle(), "from the future"),
        (PublicationKind.BUNDLE, Installer().bundle(fleet="other", **DATES), "you look after shop"),
        (PublicationKind.BUNDLE, bytes(4 * 1024 * 1024 + 1), "more than 4194304 bytes"),
        (PublicationKind.POLICY, bytes(45 * 1024 + 1), "more than 46080 bytes"),
        (PublicationKind.UPDATE, OPERATOR.policy(1, "1"), "is a policy, where an update is wanted"),
        (PublicationKind.UPDATE, sign(Kind.UPDATE, RELEASER.statement(1), OPERATOR.key), "may not sign an update"),
        (PublicationKind.UPDATE, RELEASER.update(1, content=update_content(kind="urgent")), "is not understood: kind"),
        (PublicationKind.UPDATE, Releaser(NOW - timedelta(days=200)).update(1), "not to be taken after"),
    ],
)
def test_what_no_handset_would_take_is_not_published(
    tmp_path: Path, kind: PublicationKind, content: bytes, words: str
) -> None:
    with pytest.raises(FleetError, match=words):
        read(tmp_path, kind, content)


def test_firmware_does_not_come_over_the_network(tmp_path: Path) -> None:
    old = Installer().bundle_with_firmware(**DATES)
    with pytest.raises(FleetError, match=r"not published\. There is firmware in this bundle\."):
        read(tmp_path, PublicationKind.BUNDLE, old, keys=(Installer().trusted,))


def test_somebody_must_say_whose_signature_counts(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="--public"):
        trusted_keys(PublicationKind.POLICY, None, ())
    with pytest.raises(FleetError, match="wecall key new"):
        trusted_keys(PublicationKind.POLICY, None, ("nonsense",))
    (configuration := tmp_path / "config.toml").write_text(
        '[device]\nid = "a"\nfleet = "shop"\n\n[[accounts]]\nusername = "a"\ndomain = "sip.example"\n\n[[trust.keys]]\n'
        f'public = "{OPERATOR.trusted.public}"\nsigns = ["policy"]\n'
    )
    assert trusted_keys(PublicationKind.POLICY, configuration, ())[0].public == OPERATOR.trusted.public


def test_a_folder_whose_names_are_in_a_table_says_whose_signature_counts(tmp_path: Path) -> None:
    (configuration := tmp_path / "config.toml").write_text(
        '[device]\nid = ""\nfleet = "shop"\n\n[[accounts]]\nusername = ""\ndomain = "sip.example"\n\n[[trust.keys]]\n'
        f'public = "{OPERATOR.trusted.public}"\nsigns = ["policy"]\n'
    )
    assert trusted_keys(PublicationKind.POLICY, configuration, ())[0].public == OPERATOR.trusted.public
    configuration.write_text(configuration.read_text().replace('["policy"]', '["polcy"]'))
    with pytest.raises(FleetError, match=r"1 mistake\.\ntrust\.keys\[1\]\.signs"):
        trusted_keys(PublicationKind.POLICY, configuration, ())


def signed(devices: frozenset[str] | None = None, serials: frozenset[str] | None = None) -> SignedFile:
    return SignedFile(PublicationKind.POLICY, "1", FLEET, devices, serials, b"")


def test_recipients_are_those_that_are_named_or_tabled_or_known() -> None:
    assert chosen(signed(), ("a",), None, {"x"}) == ("a",)
    assert chosen(signed(), (), {"s1": "b", "s2": "c"}, {"x"}) == ("b", "c")
    assert chosen(signed(), (), None, {"y", "x"}) == ("x", "y")


def test_what_is_signed_for_some_goes_to_these_and_to_no_others() -> None:
    some = frozenset({"a", "new"})
    assert chosen(signed(some), (), None, {"a", "x"}) == ("a", "new")
    assert chosen(signed(some), (), {"s1": "a", "s2": "x"}, ()) == ("a",)
    assert chosen(signed(some), ("a",), None, ()) == ("a",)
    with pytest.raises(FleetError, match="not among them: x"):
        chosen(signed(some), ("x",), None, ())


def test_serials_need_a_table_that_says_whose_they_are() -> None:
    both = frozenset({"s1", "s2"})
    assert chosen(signed(serials=both), (), {"s1": "a", "s3": "c"}, ()) == ("a",)
    with pytest.raises(FleetError, match="--devices"):
        chosen(signed(serials=both), (), None, {"a"})
    with pytest.raises(FleetError, match="no handset"):
        chosen(signed(serials=both), (), {"s9": "z"}, ())


@pytest.mark.parametrize("name", ["+", "#", "a/b", "A", "collector.main", ""])
def test_a_name_that_no_handset_can_have_is_refused(name: str) -> None:
    with pytest.raises(FleetError, match="No handset can be called"):
        chosen(signed(), (name,), None, ())


def test_a_name_that_the_broker_has_never_seen_is_refused_with_its_neighbours() -> None:
    known = {"desk-1", "desk-10", "lobby"}
    refuse_strangers(("desk-1", "lobby"), known, FLEET)
    with pytest.raises(FleetError, match=r"never seen desk-11\. Did you mean desk-1 or desk-10\? "):
        refuse_strangers(("desk-1", "desk-11"), known, FLEET)
    with pytest.raises(FleetError, match=r"never seen attic\. .*--never-online") as refusal:
        refuse_strangers(("attic",), known, FLEET)
    assert "mean" not in str(refusal.value)


def test_an_operator_who_is_shown_no_handset_is_sent_to_the_access_list() -> None:
    with pytest.raises(FleetError, match="access list"):
        refuse_strangers(("desk-1",), (), FLEET)
