"""Bundles of every format there has been, as files that are never made anew: a stick may lie in a drawer for years."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from provisioning.bundle import open_bundle
from provisioning.sealing import unseal_with_code, unseal_with_key
from tests.lab.bundles import SERIAL, Installer, manifest

FOLDER = Path(__file__).parent
SECRETS = {"sip-password": "correct horse"}


def test_a_bundle_of_the_first_format_opens_with_all_that_is_in_it() -> None:
    with (FOLDER / "format_1" / "bundle.wecall").open("rb") as file:
        bundle = open_bundle(file, (Installer().trusted,))
        assert bundle.manifest == manifest(serials=(SERIAL,), note="the first")
        assert bundle.names == ("manifest.json", "config.toml", "pictures/a.png", f"sealed/{SERIAL}", "sealed/code")
        assert bundle.read("config.toml") == b"version = 1\n" * 50
        assert bundle.read("pictures/a.png") == b"\x89PNG"
        key = X25519PrivateKey.from_private_bytes(bytes(range(32)))
        assert unseal_with_key(bundle.read(f"sealed/{SERIAL}"), key, serial=SERIAL) == SECRETS
        assert unseal_with_code(bundle.read("sealed/code"), "0123456789") == SECRETS
