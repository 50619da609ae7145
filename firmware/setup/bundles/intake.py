"""Takes bundles in, whoever carries them: a copy, checks, what a person has to say to it, and then the trial.

Nothing of a bundle is looked at before its signature holds, and nothing is changed before all of it has been looked at.
The trial itself is another run of the handset, see trial.py.
"""

import asyncio
import errno
import hashlib
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from traceback import extract_tb
from typing import BinaryIO, Final

from contract.results import BundleResult, OutcomeCode, ReportCode
from firmware.base.errors import BundleError
from firmware.configuration.config_store import CONFIGURATION_NAME, OPENED_NAME, SECRETS_NAME
from firmware.configuration.sealed import read_own, seal_to_self
from firmware.configuration.standing import BundleSource, Candidate, Ended, Progress
from firmware.phone.bundle_news import BundleEnded, BundleStep
from firmware.services.runner import Handlers
from firmware.setup.bundles.context import BundleContext
from firmware.setup.bundles.drafts import Draft, check_room
from firmware.setup.bundles.examine import Found, check_secrets, own_secrets, read_configuration
from firmware.setup.bundles.questions import Questions
from firmware.setup.bundles.verdict import news_of
from provisioning.bundle import Bundle, open_bundle
from provisioning.errors import BundleRefusedError, ProvisioningError, refuse
from provisioning.identity import Identity
from provisioning.schema import Configuration
from provisioning.sealing import SEALED_TO_CODE
from provisioning.trust import Kind, key_id

_log = logging.getLogger(__name__)

_REMEMBERED: Final = 16
_STICK_PATIENCE_S: Final = 120.0
"""For so long a bundle that is read from a stick is waited for before one may come over the network."""
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_COPIES: Final = 2
"""How often a bundle that is here is written to the card: as it came, and unpacked; the stick's process does before."""
_GIVE_UP_S: Final = 5.0
"""For so long a copy that is given up is waited for: a file that does not answer keeps nothing from its end."""


class Intake:
    """One bundle at a time.

    Attributes:
        when_ended: told what became of each bundle that was not tried.
    """

    def __init__(self, context: BundleContext, installed: Configuration | None) -> None:
        """Set up.

        Args:
            context: what the handset lends.
            installed: the configuration that counts, also where its account was cancelled; None where there is none.
        """
        self._context = context
        self._installed = installed
        self._questions = Questions(context.post)
        self._stick_expected_until_s = 0.0
        self._work: asyncio.Task[None] | None = None
        self._under_way = ""
        self._ended: dict[str, Ended] = {}
        self.when_ended: Callable[[Ended], None] = lambda _ended: None

    @property
    def handlers(self) -> Handlers:
        """What the runner needs: what people answer."""
        return self._questions.handlers

    # --- what sockets talk to -----------------------------------------------------------------------------------------

    def identity(self) -> Identity:
        """Return which handset this is, for the installer."""
        return self._context.identity.describe(self._context.firmware())

    def is_known(self, digest: str) -> bool:
        """Say whether a bundle of this SHA-256 need not be brought over the network: it is here, or was."""
        standing = self._context.config_store.standing
        ended = (*self._ended.values(), *((standing.ended,) if standing.ended is not None else ()))
        known = {*(kept.digest for kept in standing.kept), *(each.digest for each in ended), *standing.refused}
        return digest in known or digest == self._under_way

    async def begin(self, size_bytes: int) -> None:
        """Have the display say that a bundle of so many bytes is read from a stick, which brings it next.

        Raises:
            BundleError: it would not be taken: another one is under way, or there is no room.
        """
        await self._make_way(BundleSource.STICK, size_bytes, _COPIES + 1)
        self._stick_expected_until_s = time.monotonic() + _STICK_PATIENCE_S
        self._show_reading(BundleSource.STICK)

    def expect_none(self) -> None:
        """Let bundles come over the network again: the stick brings none, or is gone."""
        self._stick_expected_until_s = 0.0

    async def bring(self, source: BundleSource, file: BinaryIO) -> str:
        """Take in a bundle, and return what it goes by; `follow` tells what becomes of it.

        Raises:
            BundleError: another one is under way, there is no room, or the card or the file fails.
        """
        try:
            size_bytes = (await asyncio.to_thread(os.fstat, file.fileno())).st_size
            await self._make_way(source, size_bytes, _COPIES)
            if source is BundleSource.STICK:
                self.expect_none()
            elif time.monotonic() < self._stick_expected_until_s:
                raise BundleError(
                    "A stick brings a bundle just now. Try again once it is known what became of it.", OutcomeCode.BUSY
                )
            draft = Draft(self._context.config_store, source)
            # Whoever brought it closes it before all of it is copied.
            ours = os.fdopen(os.dup(file.fileno()), "rb", buffering=0)
        except OSError as error:
            raise BundleError(f"No bundle can be taken in: {error.strerror}.", _code_of(error)) from error
        if source is BundleSource.NETWORK:
            self._show_reading(source)
        self._context.steps.follow_offer(draft.offer, source)
        self._work = asyncio.create_task(self._take_in(draft, ours, size_bytes), name="bundle")
        return draft.offer

    def ask_about(self, address: str, accepted: Callable[[], None]) -> None:
        """Ask whether bundles may be fetched from an address that the network names, and call `accepted` if they may.

        Raises:
            BundleError: a bundle is under way.
        """
        self._check_free()
        self._work = asyncio.create_task(self._ask_about(address, accepted), name="bundle")

    async def _ask_about(self, address: str, accepted: Callable[[], None]) -> None:
        try:
            is_accepted = await self._questions.accept_address(address)
        finally:
            self._be_done()
        if is_accepted:
            accepted()
        else:
            self.refuse_address(OutcomeCode.NOT_ACCEPTED)

    def refuse_address(self, code: OutcomeCode) -> None:
        """Have the display say why no bundle comes from such an address."""
        self._context.post(BundleEnded(BundleResult.REFUSED, code, by_stick=False, by_lan=True))

    async def follow(self, offer: str, after: int, wait_s: float) -> Progress:
        """Wait for news of a bundle, and return how far it is; also of one that was tried in a run before.

        Args:
            offer: as `bring` called it.
            after: the count that is known already.
            wait_s: how long to wait for another one.

        Raises:
            BundleError: nothing is known of it.
        """
        context = self._context
        if context.steps.knows(offer):
            return await context.steps.next(after, wait_s)
        ended = self._ended.get(offer) or context.config_store.standing.ended
        if ended is None or ended.offer != offer:
            raise BundleError("Nothing is known of this bundle. Offer it again.")
        return Progress(after + 1, BundleStep.KEEPING, context.report(ended))

    async def try_again(self, candidate: Candidate) -> None:
        """Have a configuration tried that counted before, as soon as nobody calls.

        Raises:
            BundleError: a bundle is under way.
        """
        self._check_free()
        self._context.steps.follow_offer(candidate.offer, candidate.source)
        self._work = asyncio.create_task(self._hand_over_again(candidate), name="bundle")

    async def stop(self) -> None:
        """Give up what is under way; it leaves nothing behind."""
        if self._work is not None:
            self._work.cancel()
            with suppress(asyncio.CancelledError):
                await self._work

    # --- one bundle ---------------------------------------------------------------------------------------------------

    @property
    def is_free(self) -> bool:
        """Whether no bundle is under way."""
        return self._work is None and self._context.config_store.standing.candidate is None

    def _check_free(self) -> None:
        if not self.is_free:
            raise BundleError(
                "Another bundle is under way. Try again once it is known what became of it.", OutcomeCode.BUSY
            )

    async def _make_way(self, source: BundleSource, size_bytes: int, copies: int) -> None:
        if source is BundleSource.STICK and self._questions.is_asking and self._work is not None:
            # Whoever was asked has gone: the stick was taken out, or another one was put in.
            self._questions.give_up()
            await asyncio.wait({self._work})
        self._check_free()
        check_room(self._context.config_store, source, size_bytes, copies)

    def _show_reading(self, source: BundleSource) -> None:
        self._context.steps.follow_offer("", source)
        self._context.steps.take(BundleStep.READING)

    def _be_done(self) -> None:
        self._work, self._under_way = None, ""

    async def _take_in(self, draft: Draft, file: BinaryIO, size_bytes: int) -> None:
        looked_at = _LookedAt()
        try:
            await _copy(draft, file, size_bytes)
            self._under_way = draft.digest
            candidate = await self._look_at(draft, looked_at)
            if candidate is None:
                await self._end(draft, looked_at, BundleResult.NOTHING_TO_DO, "")
            else:
                await self._hand_over(candidate)
        except BundleRefusedError as error:
            _log.warning("A bundle is refused: %s", error)
            for mistake in error.mistakes:
                _log.warning("In the bundle that is refused: %s", mistake)
            await self._end(draft, looked_at, BundleResult.REFUSED, error.refusal)
        except (OSError, ProvisioningError, BundleError) as error:
            _log.error("A bundle cannot be taken in: %s", error.strerror if isinstance(error, OSError) else error)
            await self._end(draft, looked_at, BundleResult.REFUSED, _code_of(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever brought the bundle must hear of it
            # Its own text may quote what is in the bundle.
            place = extract_tb(error.__traceback__)[-1]
            _log.error("A bundle cannot be taken in: %s in %s", type(error).__name__, place.name)
            await self._end(draft, looked_at, BundleResult.REFUSED, OutcomeCode.FAILED)
        finally:
            draft.drop()
            self._be_done()

    async def _look_at(self, draft: Draft, looked_at: "_LookedAt") -> Candidate | None:
        """Do all that comes before the trial; return what is to be tried, None where it counts already."""
        context = self._context
        context.steps.take(BundleStep.CHECKING)
        installed = self._installed
        trusted = installed.trust.keys if installed is not None and installed.trust.has_key_for(Kind.BUNDLE) else ()
        # A key that was put on the card counts until a configuration says whom to trust.
        keys = context.site_keys if installed is None else trusted
        with draft.path.open("rb") as file:
            bundle = await asyncio.to_thread(open_bundle, file, keys if keys or not draft.is_attended else None)
            looked_at.number = bundle.manifest.number
            if self._counts_already(bundle):
                return None
            self._check_manifest(bundle, looked_at)
            bundle.check_firmware()
            if not keys:
                await self._ask_for_signer(bundle)
            context.steps.take(BundleStep.CHECKING)
            found = await asyncio.to_thread(read_configuration, bundle)
            if not trusted:
                # A first signer must be among those that it wants to be trusted.
                bundle.check_signer(found.configuration.trust.keys)
            secrets, opened = await self._open_secrets(bundle, found, draft)
        identity = context.identity
        files = {CONFIGURATION_NAME: found.text, **found.files}
        if secrets:
            files[SECRETS_NAME] = seal_to_self(secrets, identity.sealing_key, identity.serial)
        if opened:
            files[OPENED_NAME] = opened
        await asyncio.to_thread(context.config_store.stage, bundle.manifest.number, draft.path, files)
        await asyncio.to_thread(context.proven_time.note_signed, bundle.manifest.issued_at.timestamp())
        return Candidate(
            number=bundle.manifest.number,
            digest=bundle.digest,
            offer=draft.offer,
            source=draft.source,
            signer=key_id(bundle.signer),
            note=bundle.manifest.note,
        )

    def _counts_already(self, bundle: Bundle) -> bool:
        standing = self._context.config_store.standing
        return any(kept.number == standing.active and kept.digest == bundle.digest for kept in standing.kept)

    def _check_manifest(self, bundle: Bundle, looked_at: "_LookedAt") -> None:
        manifest, context = bundle.manifest, self._context
        fleet = self._installed.device.fleet if self._installed is not None else None
        if fleet is not None and fleet != manifest.fleet:
            looked_at.bundle_fleet, looked_at.own_fleet = manifest.fleet, fleet
        manifest.check_scope(context.identity.serial, fleet)
        now = context.proven_time.read()
        manifest.check_time(now.at_least_s, synced=now.synced)
        manifest.check_number(context.config_store.standing.newest, context.config_store.standing.reverted)

    async def _ask_for_signer(self, bundle: Bundle) -> None:
        self._context.steps.take(BundleStep.ASKING)
        if not await self._questions.accept_signer(bundle.signer):
            refuse(OutcomeCode.NOT_ACCEPTED, "Nobody at the handset accepted this bundle's signer.")

    async def _open_secrets(self, bundle: Bundle, found: Found, draft: Draft) -> tuple[dict[str, str], bytes]:
        """Return the passwords that come with the bundle, or those of before where it brings none, or the same.

        What a code has opened once is the same as long as its bytes are: nobody types that code again.

        Returns:
            The passwords, and the digest of the bytes that a code has opened for them; empty where none has.
        """
        secrets = own_secrets(bundle, self._context.identity)
        if secrets is not None:
            check_secrets(found.configuration, secrets)
            return secrets, b""
        opened = await asyncio.to_thread(self._opened_before)
        if SEALED_TO_CODE in bundle.names and draft.is_attended:
            sealed = bundle.read(SEALED_TO_CODE)
            digest = hashlib.sha256(sealed).hexdigest().encode()
            if digest != opened:
                self._context.steps.take(BundleStep.ASKING)
                secrets, opened = await self._questions.open_with_code(sealed), digest
                self._context.steps.take(BundleStep.CHECKING)
        if secrets is None:
            secrets = await asyncio.to_thread(self._secrets_of_before)
        check_secrets(found.configuration, secrets)
        return secrets, opened

    def _secrets_of_before(self) -> dict[str, str]:
        config_store = self._context.config_store
        if (active := config_store.standing.active) is None:
            return {}
        return read_own(config_store.folder_of(active), config_store.folder, self._context.identity.serial)

    def _opened_before(self) -> bytes:
        """Return the digest of the sealed bytes that a code has opened for the configuration that counts.

        There is none where its passwords do not open any more: then the code is asked for.
        """
        config_store = self._context.config_store
        if (active := config_store.standing.active) is None:
            return b""
        try:
            self._secrets_of_before()
            return (config_store.folder_of(active) / OPENED_NAME).read_bytes()
        except (BundleError, OSError):
            return b""

    async def _hand_over_again(self, candidate: Candidate) -> None:
        try:
            await self._hand_over(candidate)
        except OSError as error:
            _log.error("The handset cannot go back to the configuration of before: %s", error.strerror)
        finally:
            self._be_done()

    async def _hand_over(self, candidate: Candidate) -> None:
        """Have the next run of the handset try it, as soon as nobody calls."""
        context = self._context
        if not context.watch.is_quiet:
            context.steps.take(BundleStep.WAITING_FOR_CALL)
        await context.watch.until_quiet(expected=candidate.source is not BundleSource.NETWORK)
        await asyncio.to_thread(context.config_store.begin_trial, candidate)
        # A call may have begun while that was written.
        await context.watch.until_quiet()
        _log.warning("The handset starts anew to try the configuration of bundle %d", candidate.number)
        context.root.wake()
        context.start_anew()

    async def _end(self, draft: Draft, looked_at: "_LookedAt", result: BundleResult, code: ReportCode) -> None:
        context = self._context
        ended = Ended(
            offer=draft.offer,
            digest=draft.digest,
            source=draft.source,
            result=result,
            code=code,
            number=looked_at.number,
            bundle_fleet=looked_at.bundle_fleet,
            own_fleet=looked_at.own_fleet,
            at=context.now_s(),
        )
        self._ended[draft.offer] = ended
        while len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]
        context.post(news_of(ended))
        self.when_ended(ended)
        context.steps.end(draft.offer, context.report(ended))


async def _copy(draft: Draft, file: BinaryIO, size_bytes: int) -> None:
    """Copy a bundle; where that is cancelled, nothing is written any more once it ends."""
    copying = asyncio.create_task(asyncio.to_thread(draft.copy, file, size_bytes))
    try:
        await asyncio.shield(copying)
    finally:
        draft.give_up()
        await asyncio.wait({copying}, timeout=_GIVE_UP_S)


def _code_of(error: Exception) -> OutcomeCode:
    full = isinstance(error, OSError) and error.errno in _NO_ROOM
    return OutcomeCode.NO_SPACE if full else OutcomeCode.FAILED


class _LookedAt:
    """What has been found out of a bundle, for the report on one that is refused halfway."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.bundle_fleet = ""
        self.own_fleet = ""
