"""The kinds of text that pages are made of."""

from firmware.display.model import Block, Flow, Importance, Role

MANY_ROWS = 100
"""As many as there is room for."""


def headline(text: str) -> Block:
    """Make what must be seen first."""
    return Block(text, Role.HEADLINE, Flow.WRAP, importance=Importance.NEEDED)


def sentence(text: str, importance: Importance = Importance.NEEDED) -> Block:
    """Make a sentence, on as many lines as it takes."""
    return Block(text, Role.TEXT, Flow.WRAP, importance=importance)


def name(text: str) -> Block:
    """Make the name of whom a page is about."""
    return Block(text, Role.NAME, Flow.CUT_END, importance=Importance.NEEDED)


def detail(text: str, importance: Importance = Importance.SPARE) -> Block:
    """Make something to know beside the rest, where there is room."""
    return Block(text, Role.DETAIL, Flow.CUT_END, importance=importance)


def paragraph(text: str, role: Role = Role.TEXT) -> Block:
    """Make a text to read, from the left, as much of it as there is room for."""
    return Block(text, role, Flow.WRAP, centred=False, importance=Importance.NEEDED, rows=MANY_ROWS)
