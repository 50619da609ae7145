"""Display families: how pages look on each kind of display."""

from typing import Final

from firmware.display.model import Pictures, Renderer

FAMILIES: Final = ("oled_128x64", "oled_128x128", "lcd_320x240", "character_20x4")
"""The families' names, as the configuration has them."""


def renderer_for(family: str, pictures: Pictures) -> Renderer:
    """Return what draws pages for a display family; its fonts are loaded now, so this takes some tenths of a second.

    Raises:
        ValueError: there is no such family.
    """
    match family:
        case "oled_128x64":
            from firmware.display.families.mono import mono_128x64

            return mono_128x64(pictures)
        case "oled_128x128":
            from firmware.display.families.mono import mono_128x128

            return mono_128x128(pictures)
        case "lcd_320x240":
            from firmware.display.families.colour import colour_320x240

            return colour_320x240(pictures)
        case "character_20x4":
            from firmware.display.families.character import CharacterRenderer

            return CharacterRenderer()
        case _:
            raise ValueError(f"There is no display family {family!r}. Choose one of {', '.join(FAMILIES)}.")


def has_chinese(family: str) -> bool:
    """Whether a family can show Chinese here: its font is installed; a character display shows it as pinyin."""
    if family == "character_20x4":
        return True
    from firmware.display.families.fonts import has_outline, has_unifont

    return has_outline() or has_unifont() if family == "lcd_320x240" else has_unifont()
