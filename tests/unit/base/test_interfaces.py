import pytest

from firmware.base.interfaces import canonical, interface_of


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
        ("[2001:DB8:0:0:0:0:0:1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_has_one_spelling(written: str, expected: str) -> None:
    assert canonical(written) == expected


@pytest.mark.parametrize("text", ["", "localhost", "192.0.2", "1.2.3.4.5", "::g"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        canonical(text)


def test_an_own_address_has_an_interface() -> None:
    assert interface_of("127.0.0.1") == "lo"


def test_an_own_ipv6_address_has_one_too(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = tmp_path_factory.mktemp("proc") / "if_inet6"
    kernels.write_text(
        "00000000000000000000000000000001 01 80 10 80       lo\n20010db8000000000000000000000007 02 40 00 00    wlan0\n"
    )
    monkeypatch.setattr("firmware.base.interfaces._IPV6_ADDRESSES", kernels)
    assert interface_of("2001:db8::7") == "wlan0"
    assert interface_of("2001:db8::8") == ""


@pytest.mark.parametrize("address", ["", "192.0.2.1", "nonsense"])
def test_an_address_of_nobody_has_none(address: str) -> None:
    assert interface_of(address) == ""
