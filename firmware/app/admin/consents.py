"""What the handset answers to `wecall consent` and `wecall ledger`."""

from collections.abc import Callable, Mapping

from contract.consent import Actor, Channel, Purpose
from firmware.app.admin.pin_proof import not_the_pin
from firmware.base.errors import ControlError
from firmware.control.admin_requests import ConsentRequest, LedgerShowRequest, LedgerVerifyRequest
from firmware.control.requests import Answer
from firmware.control.server import Handler
from firmware.privacy.catalogue import Catalogue, built_in
from firmware.privacy.consent import ConsentState, LedgerEntry, damage_words
from firmware.store.catalogues import StoredCatalogues
from firmware.store.consents import Consents
from firmware.store.pin import StoredPin, who_answers


class PurposeAnswer(Answer):
    """One purpose, whether it is granted, and whether it was asked for as it is now."""

    purpose: str
    granted: bool
    asked: bool
    since: str
    description: str


class Purposes(Answer):
    """Every purpose; an empty list of them cannot be.

    Attributes:
        needs_pin: whose PIN a change needs, "holder" or "guardian"; empty where nobody has set one.
    """

    purposes: tuple[PurposeAnswer, ...]
    needs_pin: str


class LedgerVerdict(Answer):
    """Whether the ledger is whole and unchanged.

    Attributes:
        entries, head: the newest entry, as it is kept apart.
        damaged_at: the first entry that is not what it was, None where there is none.
        words: what is wrong there.
    """

    entries: int
    head: str
    damaged_at: int | None
    words: str


class LedgerLine(Answer):
    """One entry of the ledger; who, how and the clock are empty where it is of a format that did not know them."""

    number: int
    at: str
    clock: str
    action: str
    about: str
    actor: str
    channel: str
    policy_version: str
    hash: str


class LedgerLines(Answer):
    """Entries of the ledger, oldest first."""

    entries: tuple[LedgerLine, ...]


class ConsentRole:
    """Answers the admin role's requests about consents and their ledger."""

    def __init__(
        self,
        consents: Callable[[], Consents | None],
        catalogues: Callable[[], StoredCatalogues | None],
        pins: Callable[[], Mapping[Actor, StoredPin]],
    ) -> None:
        """Set up; where there is no store, there is None of them.

        Args:
            consents: what is read and changed.
            catalogues: what each purpose is told of with.
            pins: the guardian's, which comes first where there is one, and the holder's.
        """
        self._consents = consents
        self._catalogues = catalogues
        self._pins = pins

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {"consent": self._consent, "ledger_verify": self._verify, "ledger_show": self._show}

    @property
    def _kept(self) -> Consents:
        if (consents := self._consents()) is None:
            raise ControlError(
                "The store cannot be used, so there are no consents to see or change. See wecall doctor."
            )
        return consents

    async def _consent(self, request: ConsentRequest) -> Purposes:
        if request.purpose is None:
            state = await self._kept.state()
        else:
            state = await self._change(request.purpose, request.pin, granted=request.action == "grant")
        catalogues = self._catalogues()
        catalogue = await catalogues.current() if catalogues is not None else built_in()
        return Purposes(purposes=_answers(state, catalogue), needs_pin=await who_answers(self._pins()) or "")

    async def _change(self, name: str, pin: str, *, granted: bool) -> ConsentState:
        try:
            purpose = Purpose(name)
        except ValueError:
            raise ControlError(f"{name} is not a purpose. There are: {', '.join(Purpose)}.") from None
        consents = self._kept
        actor = await self._require_pin(pin)
        answer = consents.grant if granted else consents.withdraw
        return await answer(purpose, actor=actor, channel=Channel.COMMAND_LINE)

    async def _require_pin(self, typed: str) -> Actor:
        """Let only whoever knows the PIN go on, where there is one; return who that is.

        Raises:
            ControlError: it is missing or wrong.
        """
        pins = self._pins()
        actor = await who_answers(pins)
        if actor is None:
            return Actor.HOLDER
        if not typed:
            raise ControlError(f"The {actor}'s PIN is needed to change a consent.")
        verdict = await pins[actor].check(typed)
        if not verdict.accepted:
            raise not_the_pin(actor, verdict, done="changed")
        return actor

    async def _verify(self, _request: LedgerVerifyRequest) -> LedgerVerdict:
        state = await self._kept.state()
        return LedgerVerdict(
            entries=state.head.entries,
            head=state.head.hash,
            damaged_at=state.damage.number if state.damage else None,
            words=damage_words(state.damage) if state.damage else "",
        )

    async def _show(self, request: LedgerShowRequest) -> LedgerLines:
        entries = await self._kept.entries()
        return LedgerLines(entries=tuple(map(_line, entries[request.after : request.after + request.limit])))


def _answers(state: ConsentState, catalogue: Catalogue) -> tuple[PurposeAnswer, ...]:
    return tuple(
        PurposeAnswer(
            purpose=purpose,
            granted=state.granted(purpose),
            asked=state.purposes[purpose].asked,
            since=state.purposes[purpose].since,
            description=f"{entry.name.en}. {entry.covers.en} Goes to: {entry.recipients.en}",
        )
        for purpose in Purpose
        for entry in (catalogue.entry(purpose),)
    )


def _line(entry: LedgerEntry) -> LedgerLine:
    return LedgerLine(
        number=entry.number,
        at=entry.at,
        clock=entry.clock or "",
        action=entry.action,
        about=entry.about,
        actor=entry.actor or "",
        channel=entry.channel or "",
        policy_version=entry.policy_version,
        hash=entry.hash,
    )
