"""A configuration out of TOML. What explains mistakes is loaded only where there are some: each start comes by here."""

import tomllib

from pydantic import ValidationError

from provisioning.errors import ProvisioningError
from provisioning.remarks import BYTE_ORDER_MARK, counted
from provisioning.schema import Configuration
from provisioning.toml_text import loads


def parse_configuration(text: str) -> Configuration:
    """Read a configuration from TOML.

    Raises:
        ProvisioningError: with every mistake at once, each with its line and column.
    """
    try:
        return Configuration.model_validate(loads(text.removeprefix(BYTE_ORDER_MARK)))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        # Finding all that is wrong, and where, takes more code than a configuration that is right needs.
        from provisioning.examination import examine  # noqa: PLC0415

        mistakes = tuple(remark.sentence for remark in examine(text).mistakes)
        raise ProvisioningError(f"The configuration has {counted(len(mistakes), 'mistake')}.", mistakes) from error
