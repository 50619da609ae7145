"""What the holder may say yes or no to, one purpose at a time."""

from enum import StrEnum


class Purpose(StrEnum):
    """Every reason for which the handset keeps, takes in or sends something of its holder's.

    The answer to each is no until it was given. What each of them covers: `firmware.privacy.purposes`.
    """

    SERVICE = "service"
    RECORDING = "recording"
    CDR_SYNC = "cdr_sync"
    CROSS_BORDER_CDR = "cross_border_cdr"
    CONTACT_IMPORT = "contact_import"
    OPERATOR_NOTICES = "operator_notices"
