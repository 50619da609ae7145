"""What the handset answers to `wecall policy take`, `notice take`, `answer take` and `catalogue take`."""

from collections.abc import Callable, Mapping
from typing import BinaryIO, Literal

from contract.consent import Channel
from contract.downlink import MAX_DOCUMENT_BYTES
from contract.results import OutcomeCode
from firmware.base.errors import ControlError
from firmware.control.admin_requests import DocumentTakeRequest
from firmware.control.open_files import content_of
from firmware.control.requests import Answer
from firmware.control.server import Handler
from firmware.services.operator.documents import Documents
from provisioning.signed import DocumentRefusedError


class DocumentTaken(Answer):
    """What became of a document: TAKEN, or NOT_GRANTED where the holder wants none of its kind."""

    outcome: OutcomeCode


class DocumentRole:
    """Answers the admin role's request to take a signed document; it is looked at as one from the broker is."""

    def __init__(self, documents: Callable[[], Documents | None]) -> None:
        """`documents` returns where they are kept; None where there is no store."""
        self._documents = documents

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What the control server needs, beside the other requests of Role.ADMIN."""
        return {"document_take": self._take}

    async def _take(self, request: DocumentTakeRequest, file: BinaryIO) -> DocumentTaken:
        documents = self._documents()
        if documents is None:
            raise ControlError("The store cannot be used, so no document can be kept. See wecall doctor.")
        document = content_of(file, MAX_DOCUMENT_BYTES)
        try:
            return DocumentTaken(outcome=await self._admit(documents, request.kind, document))
        except DocumentRefusedError as error:
            raise ControlError(f"{error} ({error.refusal})") from error

    async def _admit(
        self, documents: Documents, kind: Literal["policy", "notice", "catalogue", "answer"], document: bytes
    ) -> OutcomeCode:
        match kind:
            case "policy":
                return await documents.policies.admit(document)
            case "notice":
                return await documents.notices.admit(document)
            case "answer":
                return await documents.answers.admit(document, Channel.COMMAND_LINE)
            case "catalogue":
                await documents.catalogues.admit(document, Channel.COMMAND_LINE)
                return OutcomeCode.TAKEN
