"""What accounts need at operators and PBXs by name."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from provisioning.accounts import Account

_FILE: Final = Path(__file__).with_name("presets.toml")
_ANYBODY: Final = {"username": "anybody", "domain": "example.com"}


def _of_an_account(settings: dict[str, Any]) -> dict[str, Any]:
    """Let settings pass that an account has, and that fit each other."""
    Account.model_validate({**_ANYBODY, **settings})
    return settings


class Preset(BaseModel):
    """One operator's.

    Attributes:
        title: whose.
        source: the address where that was read, or that it was read nowhere.
        remark: what else has to be known there.
        account: settings of an account, as they stand in a configuration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    remark: Annotated[str, Field(min_length=1)]
    account: Annotated[dict[str, Any], AfterValidator(_of_an_account)]

    def __str__(self) -> str:
        return f"{self.title}: {self.remark}\nSource: {self.source}. It was not tried at the operator."


@cache
def presets() -> Mapping[str, Preset]:
    """Return all of them, by name."""
    return TypeAdapter(dict[str, Preset]).validate_python(tomllib.loads(_FILE.read_text(encoding="utf-8")))
