"""The holder of a phone that was taken into use: has read the policy and answered what was asked."""

import time
from collections.abc import Collection
from typing import Final

from contract.consent import Actor, Channel, Purpose
from firmware.privacy.consent import LedgerAction
from firmware.services.clock import read_clocks
from firmware.store.consents import Consents
from firmware.store.documents import Addressee, DocumentRegister
from firmware.store.outbox import StoredOutbox
from firmware.store.policies import BUILT_IN_VERSION, StoredPolicies, version_in_force
from firmware.store.store import Store

USUAL: Final = frozenset({Purpose.SERVICE, Purpose.CONTACT_IMPORT})
"""What most tests need a holder to have agreed to; nothing of it leaves the phone."""


async def take_into_use(store: Store, purposes: Collection[Purpose] = USUAL) -> None:
    """Write into an open store what a first run by an adult leaves, who agrees to these purposes."""
    consents = Consents(
        store,
        StoredOutbox(store),
        device="handset",
        clock=time.time,
        is_synced=lambda: True,
        policy_version=version_in_force,
    )
    policies = StoredPolicies(
        store, consents, DocumentRegister(Addressee("fleet", "handset"), read_clocks), read_clocks
    )
    await policies.prepare()
    await policies.note_shown(BUILT_IN_VERSION)
    for purpose in Purpose:
        if purpose in purposes:
            await consents.grant(purpose)
        else:
            await consents.withdraw(purpose)
    await consents.append(LedgerAction.ACTIVATE, "adult", Actor.HOLDER, Channel.KEYPAD)
