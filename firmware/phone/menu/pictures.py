"""Pages about the holder's pictures: which one is behind the idle page, and which are kept at all."""

from collections.abc import Callable
from dataclasses import replace

from contract.consent import Purpose
from firmware.base.words import Text, word
from firmware.phone.holder_settings import set_preferences
from firmware.phone.menu.choices import Choice, Choices, opening
from firmware.phone.menu.purposes import agreeing
from firmware.phone.menu.question import Question
from firmware.phone.menu.work import WorkPage
from firmware.phone.request import Failed
from firmware.phone.requests.pictures import DeletePicture, FolderJob, ListPictures, Pictures, RunFolderJob
from firmware.phone.state import PhoneState

NONE = word("None")
CHOSEN = word("chosen")
_importing = opening(lambda _: WorkPage(word("Import pictures"), RunFolderJob(FolderJob.IMPORT_PICTURES)))
_IMPORT = Choice(word("Import"), agreeing(Purpose.CONTACT_IMPORT, _importing))


class _PictureList(Choices):
    """Pictures by name, read from the store each time that the page comes to the top."""

    def __init__(
        self, title: Text, choose: Callable[[PhoneState, str, str], None], first: Callable[[PhoneState], list[Choice]]
    ) -> None:
        """`choose` is given what names the picture and what the person calls it; `first` stands before them."""
        self._pictures: Pictures = ()
        self._choose_picture = choose
        self._first = first
        super().__init__(title, self._list, empty=word("No pictures."))

    def open(self, state: PhoneState) -> None:
        """Read which pictures there are."""
        state.ask(ListPictures(), self._show, page=self)

    def _show(self, _state: PhoneState, pictures: Pictures | Failed) -> None:
        if not isinstance(pictures, Failed):
            self._pictures = pictures

    def _list(self, state: PhoneState) -> list[Choice]:
        background = state.features.preferences.background
        return [*self._first(state), *(self._row(picture, name, background) for picture, name in self._pictures)]

    def _row(self, picture: str, name: str, background: str) -> Choice:
        return Choice(
            name,
            lambda state: self._choose_picture(state, picture, name),
            CHOSEN if picture == background else "",
        )


def background_page(_state: PhoneState) -> Choices:
    """Make the page that chooses the picture behind the idle page."""
    return _PictureList(word("Background"), lambda state, picture, _name: _set_background(state, picture), _no_picture)


def pictures_page(_state: PhoneState) -> Choices:
    """Make the page that lists the pictures; choosing one asks whether to delete it."""
    return _PictureList(word("Pictures"), _ask_to_delete, lambda _state: [_IMPORT])


def _no_picture(state: PhoneState) -> list[Choice]:
    chosen = "" if state.features.preferences.background else CHOSEN
    return [Choice(NONE, lambda state: _set_background(state, ""), chosen)]


def _set_background(state: PhoneState, picture: str) -> None:
    set_preferences(state, replace(state.features.preferences, background=picture))


def _ask_to_delete(state: PhoneState, picture: str, name: str) -> None:
    def delete(state: PhoneState) -> None:
        if state.features.preferences.background == picture:
            _set_background(state, "")
        state.emit(DeletePicture(picture))

    state.menu.push(
        state, Question(word("Delete picture"), word("Delete the picture {name}?", name=name), word("Delete"), delete)
    )
