import base64

import pytest

from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.trust import Kind, may_sign

MINIMAL = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'
PUBLIC = "5h0xT7c0N7yB5yev1wEb9nrDn91zzNdicH0XkkUwoyc="


def pin(public: str = PUBLIC, signs: str = '["policy"]') -> str:
    return f'[[trust.keys]]\npublic = "{public}"\nsigns = {signs}\n'


def test_without_keys_nobody_is_trusted() -> None:
    assert parse_configuration(MINIMAL).trust.keys == ()


def test_a_key_is_pinned_with_the_kinds_that_it_may_sign() -> None:
    (key,) = parse_configuration(MINIMAL + pin(signs='["policy", "notice"]')).trust.keys
    assert key.signs == {Kind.POLICY, Kind.NOTICE}
    assert len(key.key_id) == 16


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (pin(public="not base64"), "written in base64"),
        (pin(public="AAAA"), "has 32 bytes, this one has 3"),
        (pin(signs="[]"), "at least 1"),
        (
            pin(signs='["everything"]'),
            '"policy", "notice", "catalogue", "answer", "reset", "update", "bundle" or "firmware"',
        ),
        (pin() + pin(signs='["notice"]'), "stands more than once"),
        (pin(signs='["update", "bundle"]'), 'a key that signs "update" signs nothing else'),
    ],
)
def test_what_is_not_a_key_is_a_mistake_with_its_place(keys: str, reason: str) -> None:
    with pytest.raises(ProvisioningError) as caught:
        parse_configuration(MINIMAL + keys)
    assert any(mistake.startswith("trust.keys") and reason in mistake for mistake in caught.value.mistakes)


@pytest.mark.parametrize("kind", Kind)
def test_a_key_may_sign_the_kinds_that_it_is_pinned_for_and_no_others(kind: Kind) -> None:
    trust = parse_configuration(MINIMAL + pin(signs='["bundle", "notice"]')).trust
    pinned = kind in {Kind.BUNDLE, Kind.NOTICE}
    assert trust.has_key_for(kind) is pinned
    assert may_sign(base64.b64decode(PUBLIC), kind, trust.keys) is pinned
    assert not may_sign(bytes(32), kind, trust.keys)
    assert not may_sign(base64.b64decode(PUBLIC), kind, ())
