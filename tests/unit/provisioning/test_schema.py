import pytest

from provisioning.errors import ProvisioningError
from provisioning.schema import Configuration, Transport, parse_configuration

MINIMAL = '[device]\nid = "desk-1"\n[[accounts]]\nusername = "alice"\ndomain = "sip.example"\n'


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
        ("[keypad]\nrows = [1, 2]", "keypad:", "keys has 5 lines but rows names 2 pins"),
        ("[indicator]\npin = 17", "The configuration:", "GPIO pins [17]"),
        ("[sync]\nhost = 'b'\nkey = 'k.pem'", "sync:", "certificate and key go together"),
        ("[sip]\ncolour = 1", "sip.colour:", "spelling mistake"),
        ("[dialing]\ndigit_map = ['(1|2)']", "dialing.digit_map[1]:", "pattern"),
    ],
)
def test_a_mistake_names_its_place_and_what_is_wrong(addition: str, place: str, words: str) -> None:
    (mistake,) = mistakes_of(MINIMAL + addition)
    assert mistake.startswith(place)
    assert words in mistake


def test_mandatory_encryption_of_audio_needs_encrypted_signalling() -> None:
    (mistake,) = mistakes_of(MINIMAL + 'srtp = "mandatory"\ntransport = "udp"\n')
    assert "accounts[1]" in mistake
    assert "tls" in mistake


def test_a_missing_device_is_said_as_missing() -> None:
    mistakes = mistakes_of("")
    assert "device: is missing." in mistakes
    assert "accounts: is missing." in mistakes


def test_the_password_does_not_show_in_a_printed_configuration() -> None:
    configuration: Configuration = parse_configuration(MINIMAL + 'password = "hunter2"\n')
    assert "hunter2" not in repr(configuration)
