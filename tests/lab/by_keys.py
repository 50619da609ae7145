"""What a holder does in the menu by its keys, on the whole phone."""

from itertools import zip_longest

from tests.lab.person import Person


async def choose(person: Person, keys: str, *titles: str) -> None:
    """Press MENU and then keys, each on a page that is read first as far as its title is given.

    Args:
        person: at the phone.
        keys: one for each page, from the menu's first.
        titles: of the pages after the first; the one behind the last key is read too, where it is among them.
    """
    await person.press("menu")
    for key, title in zip_longest(keys, ("Menu", *titles)):
        if title is not None:
            await person.reads(title)
        if key is not None:
            await person.dial(key)


async def prove(person: Person, pin: str) -> None:
    """Type the PIN that a right asks for."""
    await person.reads("PIN")
    await person.dial(pin)
    await person.press("ok")


async def set_pin(person: Person, pin: str) -> None:
    """Set a PIN, and leave the menu."""
    await choose(person, "651", "Settings", "Lock", "New PIN")
    for words in ("New PIN again", "The PIN is set."):
        await person.dial(pin)
        await person.press("ok")
        await person.reads(words)
    await person.press("ok")
    await person.press("menu")
