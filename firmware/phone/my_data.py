"""What a handset holds about its holder, by kind: each thing that is kept belongs to one of these."""

from enum import StrEnum


class DataCategory(StrEnum):
    """A kind of data about the holder."""

    ACCOUNT = "account"
    CONTACTS = "contacts"
    CALLS = "calls"
    MESSAGES = "messages"
    RECORDINGS = "recordings"
    PICTURES = "pictures"
    SETTINGS = "settings"
    CONSENTS = "consents"
    REQUESTS = "requests"
    SHARES = "shares"
    POLICIES = "policies"
    NOTICES = "notices"
    PIN = "pin"
