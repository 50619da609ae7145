"""All that can be set on a handset: closed models, so that a misspelt key is a mistake and never ignored.

`parsing.parse_configuration` reports every mistake at once, each with its place in the file.
"""

from collections import defaultdict
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from provisioning.accounts import Account
from provisioning.broker import Sync
from provisioning.calling import Calls, Dialing, FeatureCodes
from provisioning.controls import HookSwitch, Indicator, Keypad
from provisioning.device import Device
from provisioning.display import Display
from provisioning.network import Network, Time
from provisioning.operator_links import Operator
from provisioning.paging import PagingGroup
from provisioning.remarks import KeyPath, dotted, joined
from provisioning.retention import Retention
from provisioning.section import Conflicts, Section
from provisioning.sip import Nat, Sip
from provisioning.sound import Recording, Ringer, Sound
from provisioning.trust import Trust
from provisioning.updates import Updates

_as_it_is: Any = Field(default_factory=dict, validate_default=True)
"""What a table says that is left out; not made by itself, see `ConfigurationTable`."""


class Configuration(Section):
    """One handset's whole configuration.

    Attributes:
        version: of how the file is written; higher ones need newer firmware.
    """

    version: Literal[1] = 1
    device: Device
    accounts: Annotated[tuple[Account, ...], Field(min_length=1, max_length=6)]
    sip: Sip = _as_it_is
    nat: Nat = _as_it_is
    dialing: Dialing = _as_it_is
    calls: Calls = _as_it_is
    paging: Annotated[tuple[PagingGroup, ...], Field(max_length=4)] = ()
    feature_codes: FeatureCodes = _as_it_is
    operator: Operator = _as_it_is
    keypad: Keypad = _as_it_is
    hook_switch: HookSwitch = _as_it_is
    display: Display = _as_it_is
    sound: Sound = _as_it_is
    ringer: Ringer = _as_it_is
    indicator: Indicator = _as_it_is
    recording: Recording = _as_it_is
    retention: Retention = _as_it_is
    updates: Updates = _as_it_is
    sync: Sync | None = None
    trust: Trust = _as_it_is
    network: Network | None = None
    time: Time | None = None

    @field_validator("accounts")
    @classmethod
    def _default_account_comes_first(cls, accounts: tuple[Account, ...]) -> tuple[Account, ...]:
        conflicts = Conflicts()
        names = [account.identifier for account in accounts]
        for position, account in enumerate(accounts):
            if account.default and any(before.default for before in accounts[:position]):
                conflicts.add("only one account can be the default, and one before is", (position, "default"))
            if account.identifier in names[:position]:
                conflicts.add(
                    f"accounts need different names, and one before is {account.identifier!r} already; set name",
                    (position, "name"), (position, "username"),
                )  # fmt: skip
        conflicts.check()
        return tuple(sorted(accounts, key=lambda account: not account.default))

    @model_validator(mode="after")
    def _dialling_fits_codes_and_accounts(self) -> Self:
        conflicts = Conflicts()
        for position, number in enumerate(self.dialing.emergency_numbers):
            for name in self.feature_codes.hiding(number):
                conflicts.add(
                    f"feature_codes.{name} keeps the emergency number {number} from being dialled",
                    ("feature_codes", name), ("dialing", "emergency_numbers", position),
                )  # fmt: skip
        names = [account.identifier for account in self.accounts]
        for position, rule in enumerate(self.dialing.rewrite):
            if rule.account and rule.account not in names:
                conflicts.add(
                    f"no account is called {rule.account!r}; there is {joined(names, 'and')}",
                    ("dialing", "rewrite", position, "account"),
                    *(("accounts", each, key) for each in range(len(names)) for key in ("name", "username")),
                )  # fmt: skip
        conflicts.check()
        return self

    @model_validator(mode="after")
    def _paging_has_ports_of_its_own(self) -> Self:
        conflicts = Conflicts()
        audio = range(self.sip.rtp_port, self.sip.rtp_port + self.sip.rtp_ports + 2)
        for position, page in enumerate(self.paging):
            if page.port in {self.sip.local_port, self.sip.local_port + 1} or page.port in audio:
                conflicts.add(
                    f"is {page.port}, which the handset needs for calls; choose another port, or move those of [sip]",
                    ("paging", position, "port"), ("sip", "local_port"), ("sip", "rtp_port"), ("sip", "rtp_ports"),
                )  # fmt: skip
            for other in self.paging[:position]:
                if page.name == other.name or (page.group, page.port) == (other.group, other.port):
                    conflicts.add(
                        "has the name, or the group and the port, of one before",
                        ("paging", position, "name"), ("paging", position, "group"), ("paging", position, "port"),
                    )  # fmt: skip
        conflicts.check()
        return self

    @model_validator(mode="after")
    def _pins_are_used_once(self) -> Self:
        users: dict[int, list[KeyPath]] = defaultdict(list)
        for position, pin in enumerate(self.keypad.rows):
            users[pin].append(("keypad", "rows", position))
        for position, pin in enumerate(self.keypad.columns):
            users[pin].append(("keypad", "columns", position))
        users[self.hook_switch.pin].append(("hook_switch", "pin"))
        users[self.indicator.pin].append(("indicator", "pin"))
        for name, pin in self.display.pins:
            users[pin].append(("display", name))
        conflicts = Conflicts()
        for pin, paths in users.items():
            if paths[1:]:
                conflicts.add(f"GPIO pin {pin} is given to {joined(map(dotted, paths), 'and', quote=False)}", *paths)
        conflicts.check()
        return self
