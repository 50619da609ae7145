from typing import TYPE_CHECKING

import pytest

from provisioning.countries import COUNTRY_CODES
from provisioning.errors import ProvisioningError
from provisioning.parsing import parse_configuration
from provisioning.sip_choices import Transport

if TYPE_CHECKING:
    from provisioning.schema import Configuration

MINIMAL = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'


PAGING = "[[paging]]\nname = 'Hall'\nport = 5004\nsource = '192.0.2.1'\n"
PAGE = PAGING + "group = '239.1.1.1'\n"


def mistakes_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ProvisioningError) as caught:
        parse_configuration(text)
    return caught.value.mistakes


def test_a_minimal_configuration_is_safe_by_default() -> None:
    configuration = parse_configuration(MINIMAL)
    account = configuration.accounts[0]
    assert account.transport is Transport.TLS
    assert account.tls_verify
    assert account.effective_port == 5061
    assert configuration.sip.answer_from == "servers"
    assert configuration.sync is None


def test_the_default_keypad_has_a_key_for_everything_and_its_pins_clash_with_nothing() -> None:
    configuration = parse_configuration(MINIMAL)
    assert len({name for line in configuration.keypad.keys for name in line}) == 25


@pytest.mark.parametrize(
    ("addition", "place", "words"),
    [
        ("[keypad]\nrows = [1, 2]", "keypad.rows:", "keys has 5 lines but rows names 2 pins"),
        ("[indicator]\npin = 17", "indicator.pin:", "GPIO pin 17 is given to hook_switch.pin and indicator.pin"),
        ("[sync]\nhost = 'b'\nkey = 'k.pem'", "sync.key:", "needs certificate"),
        ("[sip]\ncolour = 1", "sip.colour:", "spelling mistake"),
        ("[sip]\ntrusted_networks = ['10.0.0.0/7']", "sip.trusted_networks[1]:", "wider than /8"),
        ("[sip]\ntrusted_networks = ['fe80::/64']", "sip.trusted_networks[1]:", "link-local"),
        ("[sip]\ntrusted_networks = ['10.1.0.0/16']\nlocal_port = 0", "sip.trusted_networks", "needs a local_port"),
        (PAGING + "group = '192.0.2.9'", "paging[1].group:", "no address of a multicast group"),
        (PAGING + "group = '224.0.0.251'", "paging[1].group:", "no address of a multicast group"),
        (PAGING + "group = 'ff02::1'", "paging[1].group:", "no address of a multicast group"),
        (PAGING + "group = 'ff15::1%eth0'", "paging[1].group:", "no plain address"),
        (PAGING + "group = 'a group'", "paging[1].group:", "no address such as"),
        (PAGING + "group = 'ff15::1'", "paging[1].source:", "another version of IP"),
        (PAGE.replace("192.0.2.1", "239.1.1.2"), "paging[1].source:", "another machine"),
        (PAGE.replace("192.0.2.1", "127.0.0.1"), "paging[1].source:", "another machine"),
        (PAGE.replace("192.0.2.1", "::ffff:192.0.2.1"), "paging[1].source:", "no plain address"),
        (PAGE.replace("Hall", "Hall\u0022"), "paging[1].name:", "up to 20 letters"),
        (PAGE.replace("5004", "16500"), "paging[1].port", "which the handset needs for calls"),
        (PAGE.replace("5004", "5061"), "paging[1].port", "which the handset needs for calls"),
        (PAGE + PAGE.replace("Hall", "Yard"), "paging[2].name", "of one before"),
        (PAGE + PAGE.replace("5004", "5006"), "paging[2].name", "of one before"),
        ("[dialing]\ndigit_map = ['(1|2)']", "dialing.digit_map[1]:", "takes one alternative of a digit map"),
    ],
)
def test_a_mistake_names_its_place_and_what_is_wrong(addition: str, place: str, words: str) -> None:
    (mistake,) = mistakes_of(MINIMAL + addition)
    assert mistake.startswith(place)
    assert words in mistake


@pytest.mark.parametrize("srtp", ["mandatory", "dtls"])
def test_mandatory_encryption_of_audio_needs_encrypted_signalling(srtp: str) -> None:
    (mistake,) = mistakes_of(MINIMAL + f'srtp = "{srtp}"\ntransport = "udp"\n')
    assert f'"{srtp}"' in mistake
    assert "accounts[1]" in mistake
    assert "tls" in mistake


def test_a_missing_device_is_said_as_missing() -> None:
    mistakes = mistakes_of("")
    assert "device: is missing." in mistakes
    assert "accounts: is missing." in mistakes


def test_the_password_does_not_show_in_a_printed_configuration() -> None:
    configuration: Configuration = parse_configuration(MINIMAL + 'password = "hunter2"\n')
    assert "hunter2" not in repr(configuration)


SECOND = '[[accounts]]\nusername = "2002"\ndomain = "pbx.example"\n'


def test_the_first_account_is_the_default_one_unless_another_says_so() -> None:
    assert parse_configuration(MINIMAL + SECOND).accounts[0].username == "alice"
    assert parse_configuration(MINIMAL + SECOND + "default = true\n").accounts[0].username == "2002"
    (mistake,) = mistakes_of(MINIMAL + "default = true\n" + SECOND + "default = true\n")
    assert "only one account can be the default" in mistake


def test_accounts_are_named_by_their_username_where_they_have_no_name() -> None:
    accounts = parse_configuration(MINIMAL + SECOND + 'name = "office"\n').accounts
    assert [account.identifier for account in accounts] == ["alice", "office"]
    (mistake,) = mistakes_of(MINIMAL + SECOND + 'name = "alice"\n')
    assert "different names" in mistake


def test_more_than_six_accounts_are_too_many() -> None:
    (mistake,) = mistakes_of(MINIMAL + "".join(f'[[accounts]]\nusername="{n}"\ndomain="x"\n' for n in range(6)))
    assert mistake.startswith("accounts:")


@pytest.mark.parametrize(
    ("addition", "addresses", "uses_srv"),
    [
        ("", (("sip.example", 5061),), True),
        ('server = "192.0.2.1"', (("192.0.2.1", 5061),), False),
        ("port = 5070", (("sip.example", 5070),), False),
        (
            'transport = "tcp"\nservers = ["a.example", "b.example:5070", "[2001:db8::1]", "[2001:db8::1]:5071"]',
            (("a.example", 5060), ("b.example", 5070), ("[2001:db8::1]", 5060), ("[2001:db8::1]", 5071)),
            False,
        ),
    ],
)
def test_servers_come_from_what_is_said_about_them_and_else_from_the_domains_records(
    addition: str, addresses: tuple[tuple[str, int], ...], uses_srv: bool
) -> None:
    account = parse_configuration(MINIMAL + addition).accounts[0]
    assert (account.addresses, account.uses_srv) == (addresses, uses_srv)


def test_a_domain_that_is_an_address_has_no_records() -> None:
    account = parse_configuration(MINIMAL.replace("sip.example", "192.0.2.1")).accounts[0]
    assert not account.uses_srv


@pytest.mark.parametrize(
    ("addition", "words"),
    [
        ('server = "a"\nservers = ["b"]', "either server or servers"),
        ('servers = ["a:0"]', 'takes "host" or "host:port"'),
        ("direct = true", "the address of one device in one's own network"),
        ('direct = true\nserver = "8.8.8.8"', "the address of one device in one's own network"),
        ('direct = true\nservers = ["192.168.1.20"]', "the address of one device in one's own network"),
        ('direct = true\nserver = "[fd00::20]"\npassword = "x"', "a direct account has no password"),
        ('[nat]\nstun_servers = ["stun.example"]', "ice = true"),
        ("[sip]\ndscp_audio = 64", "takes a whole number from 0 to 63"),
    ],
)
def test_what_contradicts_itself_about_servers_is_a_mistake(addition: str, words: str) -> None:
    (mistake,) = mistakes_of(MINIMAL + addition)
    assert words in mistake


def test_the_relays_password_does_not_show_in_a_printed_configuration() -> None:
    configuration = parse_configuration(MINIMAL + '[nat]\nturn_password = "hunter2"\n')
    assert "hunter2" not in repr(configuration)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", ("ssd1306", "i2c", 0x3C, ())),
        ('controller = "sh1106"\ni2c_address = 0x3D\nrotate = 180', ("sh1106", "i2c", 0x3D, ())),
        ('family = "oled_128x128"', ("sh1107", "i2c", 0x3C, ())),
        ('controller = "ssd1309"\nwiring = "spi"', ("ssd1309", "spi", 0x3C, (11, 10, 9, 8, 25, 23))),
        ('family = "lcd_320x240"', ("st7789", "spi", 0x3C, (11, 10, 9, 8, 25, 23, 18))),
        ('family = "character_20x4"', ("hd44780", "i2c", 0x27, ())),
    ],
)
def test_a_display_has_what_its_family_mostly_has(settings: str, expected: tuple[object, ...]) -> None:
    display = parse_configuration(f"{MINIMAL}[display]\n{settings}").display
    pins = tuple(pin for _, pin in display.pins)
    assert (display.controller, display.wiring, display.i2c_address, pins) == expected


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        (
            'family = "lcd_320x240"\ncontroller = "sh1106"',
            'display.controller: is "sh1106", but lcd_320x240 takes "st7789" or "ili9341" (line 8, column 14).',
        ),
        (
            "rotate = 90",
            "display.rotate: is 90, but oled_128x64 takes 0 or 180 (line 7, column 10).",
        ),
        (
            'family = "character_20x4"\nspi_port = 1',
            (
                "display.spi_port: is not for character_20x4 on i2c, which takes controller, wiring, rotate, "
                "off_after_s, i2c_bus, i2c_address, character_rom (line 8, column 12)."
            ),
        ),
        (
            'wiring = "spi"\nbacklight_pin = 4',
            (
                "display.backlight_pin: is not for oled_128x64 on spi, which takes controller, wiring, rotate, "
                "off_after_s, spi_port, spi_device, spi_mhz, dc_pin, reset_pin (line 8, column 17)."
            ),
        ),
        (
            'family = "lcd_320x240"\ndc_pin = 24',
            "display.dc_pin: GPIO pin 24 is given to keypad.columns[5] and display.dc_pin (line 8, column 10).",
        ),
        (
            "family = 3",
            (
                'display.family: takes "oled_128x64", "oled_128x128", "lcd_320x240" or "character_20x4" '
                "(line 7, column 10)."
            ),
        ),
    ],
)
def test_what_is_not_for_a_display_says_what_is(settings: str, mistake: str) -> None:
    assert mistakes_of(f"{MINIMAL}[display]\n{settings}") == (mistake,)


def test_a_display_may_be_wrong_in_several_ways_at_once() -> None:
    rotate, bus = mistakes_of(f'{MINIMAL}[display]\nfamily = "lcd_320x240"\nrotate = 90\ni2c_bus = 1')
    assert rotate.startswith("display.rotate: is 90")
    assert bus.startswith("display.i2c_bus: is not for lcd_320x240 on spi")


def in_country(code: str) -> str:
    return MINIMAL.replace('id = "desk-1"\n', f'id = "desk-1"\ncountry = "{code}"\n')


def test_every_country_can_be_named_and_none_need_be() -> None:
    assert parse_configuration(MINIMAL).device.country is None
    for code in COUNTRY_CODES:
        assert parse_configuration(in_country(code)).device.country == code


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "has to be filled in; it takes the two capital letters of a country"),
        ("at", 'takes the two capital letters of a country (ISO 3166-1), such as "AT" or "CN"'),
        ("AUT", 'takes the two capital letters of a country (ISO 3166-1), such as "AT" or "CN"'),
        ("XX", "there is no country of this code; docs/countries.md lists them all"),
        ("UK", 'there is no country of this code; docs/countries.md lists them all; did you mean "GB"?'),
    ],
)
def test_what_is_no_country_is_told_with_what_is(code: str, words: str) -> None:
    (mistake,) = mistakes_of(in_country(code))
    assert mistake.startswith("device.country: ")
    assert words in mistake


def test_where_no_country_is_said_all_but_help_is_as_it_was_before_it_had_to_be() -> None:
    assert parse_configuration(MINIMAL).device.assumed_country == "CN"
    assert parse_configuration(in_country("AT")).device.assumed_country == "AT"
