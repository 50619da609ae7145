"""What a person at the handset is asked about a bundle: from where it may come, its signer, its passwords' code."""

import asyncio
from collections.abc import Callable
from typing import Final

from contract.results import OutcomeCode
from firmware.phone.bundle_news import (
    AnswerBundleAddress,
    AnswerBundleSigner,
    BundleAddressShown,
    BundleCodeWanted,
    BundleNews,
    BundleQuestion,
    BundleSignerShown,
    GiveUpBundleCode,
    TryBundleCode,
)
from firmware.services.runner import Handlers
from provisioning.bundle import key_words
from provisioning.errors import BundleRefusedError, refuse
from provisioning.sealing import unseal_with_code

_MOST_CODES: Final = 5
_PATIENCE_S: Final = 600.0
"""Whoever has not answered by then has gone."""


class Questions:
    """One question at a time; nobody's silence counts as a yes."""

    def __init__(self, post: Callable[[BundleNews], None], patience_s: float = _PATIENCE_S) -> None:
        """`post` shows the question."""
        self._post = post
        self._patience_s = patience_s
        self._answer: asyncio.Future[bool | str | None] | None = None

    @property
    def handlers(self) -> Handlers:
        """What the runner needs."""
        return {
            AnswerBundleAddress: self._take_accepted,
            AnswerBundleSigner: self._take_accepted,
            TryBundleCode: self._take_code,
            GiveUpBundleCode: self._take_giving_up,
        }

    @property
    def is_asking(self) -> bool:
        """Whether somebody is to answer."""
        return self._answer is not None

    def give_up(self) -> None:
        """Take it that nobody will answer."""
        self._take(None)

    async def accept_address(self, address: str) -> bool:
        """Ask whether bundles may be fetched from an address that the network names."""
        return await self._ask(BundleAddressShown(address)) is True

    async def accept_signer(self, public: bytes) -> bool:
        """Ask whether the words of a key are those that the installer has."""
        return await self._ask(BundleSignerShown(key_words(public))) is True

    async def open_with_code(self, sealed: bytes) -> dict[str, str]:
        """Ask for the code until it opens what is sealed.

        Raises:
            BundleRefusedError: nobody knows it.
        """
        tries_left = _MOST_CODES
        while True:
            code = await self._ask(BundleCodeWanted(tries_left, wrong=tries_left < _MOST_CODES))
            if not isinstance(code, str):
                refuse(OutcomeCode.NOT_ACCEPTED, "Nobody at the handset typed the code of this bundle.")
            try:
                return await asyncio.to_thread(unseal_with_code, sealed, code)
            except BundleRefusedError as error:
                tries_left -= 1
                if error.refusal is not OutcomeCode.WRONG_CODE or not tries_left:
                    raise

    async def _ask(self, question: BundleQuestion) -> bool | str | None:
        self._answer = asyncio.get_running_loop().create_future()
        self._post(question)
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._answer
        except TimeoutError:
            return None
        finally:
            self._answer = None

    def _take(self, answer: bool | str | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    async def _take_accepted(self, request: AnswerBundleAddress | AnswerBundleSigner) -> None:
        self._take(request.accepted)

    async def _take_code(self, request: TryBundleCode) -> None:
        self._take(request.code)

    async def _take_giving_up(self, _request: GiveUpBundleCode) -> None:
        self._take(None)
