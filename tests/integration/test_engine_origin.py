"""Whether Debian still has the release that the SIP library is built from; it needs a network."""

import hashlib

import pytest

from engine import source
from tests.lab import chance


@pytest.mark.skipif(not chance.SOAK, reason="for make soak")
@pytest.mark.soak
def test_debian_has_the_release_that_the_sip_library_is_built_from() -> None:
    wanted = source.wanted()
    found = {path: hashlib.sha256(content).hexdigest() for path, content in source.from_debian() if path in wanted}
    others = sorted(path for path, digest in wanted.items() if found.get(path) != digest)
    assert not others, (
        f"Debian's source package asterisk has another release than {source.RELEASE} by now: {len(others)} of "
        f"{len(wanted)} files are others, {others[0]} for one. New builds fall back on upstream's release alone. "
        'Follow "A newer release" in engine/README.md.'
    )
