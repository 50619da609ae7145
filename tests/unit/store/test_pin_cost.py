"""What a guess of a PIN costs, and that nobody else waits for it."""

import asyncio
from unittest.mock import patch

from firmware.store import pin as pin_module
from tests.lab.store import StoreLab


async def test_only_its_argon2id_hash_is_kept(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    [(code,)] = await lab.store.run(lambda database: database.query("SELECT code FROM pins"))
    assert code.startswith("$argon2id$v=19$m=65536,t=2,p=1$")
    assert "2580" not in code
    await lab.pin.set("2580")
    assert [(code,)] != await lab.store.run(lambda database: database.query("SELECT code FROM pins")), "no salt"


async def test_the_main_thread_goes_on_while_a_pin_is_compared(lab: StoreLab) -> None:
    await lab.pin.set("2580")
    compare = pin_module._matches
    turns = 0
    turns_meanwhile = 0

    def count_turns(pin: str, code: str) -> bool:
        nonlocal turns_meanwhile
        before = turns
        same = compare(pin, code)
        turns_meanwhile = turns - before
        return same

    with patch.object(pin_module, "_matches", count_turns):
        checking = asyncio.ensure_future(lab.pin.check("2580"))
        while not checking.done():
            turns += 1
            await asyncio.sleep(0.001)
    assert checking.result().accepted
    # Comparing takes a tenth of a second or more, in which a main thread that waits for it turns once at most.
    assert turns_meanwhile > 2
