"""Which purposes the service needs, and the policy that came with this firmware."""

from typing import Final

from firmware.phone.purpose import Purpose

POLICY_VERSION: Final = "2024-06-17"
"""The privacy policy that a consent refers to where no other one has taken effect."""

NEEDED: Final = frozenset({Purpose.SERVICE})
"""Without a yes to these the phone answers and calls for help, and no more."""
