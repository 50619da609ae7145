"""All that can be set on a handset: closed models, so that a misspelt key is a mistake and never ignored.

`parse_configuration` reports every mistake at once, each with its place in the file.
"""

import re
import tomllib
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from provisioning.accounts import Account
from provisioning.broker import Sync
from provisioning.calling import Calls, Dialing, FeatureCodes
from provisioning.device import Device
from provisioning.display import Display
from provisioning.errors import ProvisioningError
from provisioning.hook_switch import HookSwitch
from provisioning.indicator import Indicator
from provisioning.keypad import Keypad
from provisioning.nat import Nat
from provisioning.network import Network
from provisioning.operator_links import Operator
from provisioning.recording import Recording
from provisioning.retention import Retention
from provisioning.ringer import Ringer
from provisioning.section import Section
from provisioning.sip import Sip
from provisioning.sound import Sound
from provisioning.time_service import Time
from provisioning.trust import Trust

MAX_CALLS_WITH_RELAY = 5


class Configuration(Section):
    """One handset's whole configuration."""

    version: Literal[1] = 1
    device: Device
    accounts: Annotated[tuple[Account, ...], Field(min_length=1, max_length=6)]
    sip: Sip = Sip()
    nat: Nat = Nat()
    dialing: Dialing = Dialing()
    calls: Calls = Calls()
    feature_codes: FeatureCodes = FeatureCodes()
    operator: Operator = Operator()
    keypad: Keypad = Keypad()
    hook_switch: HookSwitch = HookSwitch()
    display: Display = Display()
    sound: Sound = Sound()
    ringer: Ringer = Ringer()
    indicator: Indicator = Indicator()
    recording: Recording = Recording()
    retention: Retention = Retention()
    sync: Sync | None = None
    trust: Trust = Trust()
    network: Network | None = None
    time: Time | None = None

    @model_validator(mode="after")
    def _calls_fit_beside_a_relay(self) -> Self:
        # The SIP library has few sockets, and a relay doubles what each call needs.
        if self.nat.turn_server and self.calls.max_calls > MAX_CALLS_WITH_RELAY:
            raise ValueError(
                f"with nat.turn_server at most {MAX_CALLS_WITH_RELAY} calls.max_calls are possible, "
                f"not {self.calls.max_calls}"
            )
        return self

    @field_validator("accounts")
    @classmethod
    def _default_account_comes_first(cls, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        if sum(account.default for account in accounts) > 1:
            raise ValueError("only one account can be the default")
        names = [account.identifier for account in accounts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"accounts need different names, but {twice} stand more than once; set name")
        return tuple(sorted(accounts, key=lambda account: not account.default))

    @model_validator(mode="after")
    def _dialling_fits_codes_and_accounts(self) -> Self:
        reasons = [
            f"feature_codes.{name} keeps the emergency number {number} from being dialled"
            for number in self.dialing.emergency_numbers
            for name in self.feature_codes.hiding(number)
        ]
        names = [account.identifier for account in self.accounts]
        reasons += [
            f"dialing.rewrite[{number}].account is {rule.account!r}, but the accounts are called {names}"
            for number, rule in enumerate(self.dialing.rewrite, start=1)
            if rule.account and rule.account not in names
        ]
        if reasons:
            raise ValueError("; ".join(reasons))
        return self

    @model_validator(mode="after")
    def _pins_are_used_once(self) -> Self:
        pins = [*self.keypad.rows, *self.keypad.columns, self.hook_switch.pin, self.indicator.pin, *self.display.pins]
        twice = sorted({pin for pin in pins if pins.count(pin) > 1})
        if twice:
            raise ValueError(f"GPIO pins {twice} are given to more than one device")
        return self


def parse_configuration(text: str) -> Configuration:
    """Read a configuration from TOML.

    Raises:
        ProvisioningError: with every mistake at once; a syntax error is one mistake with its line.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProvisioningError("The configuration is not valid TOML.", (f"Not valid TOML: {error}.",)) from error
    try:
        return Configuration.model_validate(raw)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        mistakes = tuple(_sentence(item) for item in items if not _follows_from_another(item, items))
        count = len(mistakes)
        raise ProvisioningError(
            f"The configuration has {count} mistake{'s' if count > 1 else ''}.", mistakes
        ) from error


def _follows_from_another(item: ErrorDetails, items: list[ErrorDetails]) -> bool:
    """Tell whether a list is only said to be too short because its one entry has a mistake of its own."""
    place = item["loc"]
    return item["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in items
    )


def _sentence(item: ErrorDetails) -> str:
    parts = item["loc"]
    place = ".".join(f"[{part + 1}]" if isinstance(part, int) else str(part) for part in parts).replace(".[", "[")
    text = re.sub(r"^Value error, ", "", item["msg"])
    if item["type"] == "missing":
        text = "is missing"
    elif item["type"] == "extra_forbidden":
        text = "is not a setting that this handset knows; look for a spelling mistake"
    return f"{place or 'The configuration'}: {text}."
