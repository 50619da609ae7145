"""Draws what the phone shows, on whichever display there is."""

from dataclasses import replace

from firmware.display.families import has_chinese, renderer_for
from firmware.display.model import Page, Pictures, Renderer
from firmware.display.pages import page_for
from firmware.display.translation import Language
from firmware.phone.view import PhoneView


class Artist:
    """Knows the configured language and where pictures are; every method may be called from one thread at a time."""

    def __init__(self, language: str, pictures: Pictures) -> None:
        """`language` is the configuration's; the holder's own choice comes before it."""
        self._language = language
        self._pictures = pictures
        self._renderers: dict[str, Renderer] = {}

    def page(self, view: PhoneView, family: str, clock: str) -> Page:
        """Return the page for a state of the phone; in English where a display lacks the letters of its language.

        Args:
            view: the phone's state.
            family: the display's family; see `families.FAMILIES`.
            clock: the time of day, empty where the clock is not set.
        """
        if not has_chinese(family):
            # Words that can be read are better than boxes.
            view = replace(view, look=replace(view.look, language=Language.ENGLISH))
        return page_for(view, self._language, clock)

    def draw(self, view: PhoneView, family: str, clock: str, turn: int = 0) -> bytes:
        """Return the frame for a state of the phone, as the family's displays take it; see `Page.turn`."""
        renderer = self._renderers.get(family)
        if renderer is None:
            renderer = self._renderers[family] = renderer_for(family, self._pictures)
        return renderer.render(replace(self.page(view, family, clock), turn=turn))
