"""`make holidays`: write the table of public holidays, firmware/privacy/holidays.txt."""

from pathlib import Path

import firmware.privacy
from firmware.privacy.rights import TABLE_NAME
from tools.public_holidays.compile import table

(Path(firmware.privacy.__path__[0]) / TABLE_NAME).write_text(table(), encoding="ascii")
