"""What somebody presses who has the PIN open the phone's memory, and who types it after a start."""

from tests.lab.person import Person


async def switch_on(person: Person, pin: str) -> None:
    """Set a PIN on a phone that has none, and have it asked for at each start."""
    await person.press("menu")
    await person.dial("651")
    for title in ("New PIN", "New PIN again"):
        await person.reads(title)
        await person.dial(pin)
        await person.press("ok")
    await person.reads("The PIN is set.")
    await person.press("ok")
    await person.reads("Change PIN")
    await person.dial("5")
    await person.reads_the_beginning_of("Who forgets the PIN loses all.")
    await person.press("ok")
    await person.dial(pin)
    await person.press("ok")
    await person.reads("Nothing opens without the PIN now.", 30)
    await person.press("ok")


async def type_pin(person: Person, pin: str) -> None:
    """Type the PIN of a phone that is locked."""
    await person.press("menu")
    await person.reads("Locked. PIN?")
    await person.dial(pin)
    await person.press("ok")
