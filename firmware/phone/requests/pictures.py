"""The holder's pictures, and the folder from which pictures and contacts come in."""

from dataclasses import dataclass
from enum import StrEnum

from firmware.phone.request import Outcome, Request

Pictures = tuple[tuple[str, str], ...]
"""The pictures that are kept: pairs of what names one and what the person calls it."""


@dataclass(frozen=True, slots=True)
class ListPictures(Request[Pictures]):
    """Read which pictures are kept."""


@dataclass(frozen=True, slots=True)
class DeletePicture(Request[None]):
    """Forget a picture."""

    picture: str


class FolderJob(StrEnum):
    """Work on files of the folder that the menu imports from."""

    IMPORT_CONTACTS = "import_contacts"
    IMPORT_PICTURES = "import_pictures"


@dataclass(frozen=True, slots=True)
class RunFolderJob(Request[Outcome]):
    """Work on files; Progressed comes before the answer."""

    job: FolderJob
