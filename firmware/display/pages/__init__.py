"""What each page holds, in a language; nothing here knows how large the display is."""

from firmware.display.pages.page import page_for

__all__ = ["page_for"]
