"""The gate in front of contacts and pictures that come in, by a stick or by the command line."""

from collections.abc import Callable
from typing import Final, Protocol

from contract.consent import Purpose
from firmware.base.errors import NotGrantedError
from firmware.base.words import Word, word
from firmware.privacy.consent import ConsentState

_WORDS: Final[Word] = word("You have not agreed to imports. Agree first: Menu, Privacy.")
_MESSAGE: Final = (
    "The holder has not agreed to the import of contacts and pictures, so nothing is taken in. Agree on the handset "
    "(Menu, Privacy), or with: wecall consent grant contact_import"
)


class ConsentReader(Protocol):
    """What the gate needs of the consents."""

    async def state(self) -> ConsentState:
        """Return the answers that stand."""
        ...


class ImportGate:
    """Asked each time something is about to be kept, so that a withdrawal ends an import that is under way."""

    def __init__(self, consents: Callable[[], ConsentReader | None]) -> None:
        """`consents` is None where there is no store to ask, and then nothing may come in."""
        self._consents = consents

    async def require_consent(self) -> None:
        """Let only what the holder has agreed to go on.

        Raises:
            NotGrantedError: it was not agreed to, or is no longer.
        """
        consents = self._consents()
        if consents is None or not (await consents.state()).granted(Purpose.CONTACT_IMPORT):
            raise NotGrantedError(_MESSAGE, _WORDS)
