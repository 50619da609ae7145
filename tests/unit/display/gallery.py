"""The pages in every language, as pictures that somebody has looked at.

Every page is kept of the smallest display with pixels: where room is least, a text is cut first. Of each larger one are
kept the pages that differ in how they are laid out. A character display's pages are kept as text: all of them in
English, and in Chinese, which it writes in pinyin, those that differ in how they are laid out.

`python -m tests.unit.display.gallery` draws them anew, and the pictures in `docs/` with them; look at what changed
before committing it.
"""

import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from PIL import Image, ImageChops, features

from firmware.display.families import renderer_for
from firmware.display.families.character import COLUMNS
from firmware.display.families.fonts import OUTLINE_PATH, UNIFONT_PATH
from firmware.display.model import Renderer
from firmware.display.pages import page_for
from firmware.display.translation import Language
from tests.unit.display.states import CLOCK, VIEWS

FOLDER = Path(__file__).parent / "goldens"
FONTS_NOTE = FOLDER / "fonts.txt"
DIFFERENCES = Path(__file__).parents[3] / "build" / "screens"
SIZES = {"oled_128x64": (128, 64), "oled_128x128": (128, 128), "lcd_320x240": (320, 240)}
SMALLEST = "oled_128x64"
LAYOUTS = (
    "idle, everything waits",
    "idle, people",
    "idle, people who are watched",
    "idle, people with pictures",
    "idle, people, large text",
    "idle, a picture behind it",
    "idle, high contrast",
    "a number that is too long",
    "incoming call, with a picture",
    "incoming call, large text",
    "another caller waits",
    "how a bad call sounds",
    "text in a call",
    "text in a call, in pinyin",
    "contacts that the digits may mean, one chosen",
    "menu",
    "menu, a card with a picture",
    "menu, pinyin",
    "menu, a PIN",
    "menu, a QR code",
    "menu, a question",
    "menu, a long paragraph of a policy",
    "stick, step lines",
)
CHARACTERS = "character_20x4"
# What stands for the characters of our own, in the order of rom.GLYPHS.
_GLYPHS = "▟✗♀∅⌂↙⊖…"
_OTHERS = {0x1A: "→", 0x1B: "←", 0x91: "♪", 0x9C: "∞"}
REDRAW = "python -m tests.unit.display.gallery draws all of them anew; look at what changes."


class SamplePictures:
    """A picture that tells top from bottom and left from right, whatever it is called."""

    def picture(self, name: str, width_px: int, height_px: int) -> bytes | None:
        across = Image.linear_gradient("L").rotate(90).resize((width_px, height_px))
        down = Image.linear_gradient("L").resize((width_px, height_px))
        return Image.merge("RGB", (down, across, ImageChops.invert(down))).tobytes()


@cache
def renderer(family: str) -> Renderer:
    return renderer_for(family, SamplePictures())


def frame(family: str, language: Language, name: str) -> bytes:
    """What a display is given for a state."""
    return renderer(family).render(page_for(VIEWS[name], language.value, CLOCK))


def picture(family: str, language: Language, name: str) -> Image.Image:
    """Draw a state's page on a display with pixels."""
    drawn = frame(family, language, name)
    return Image.frombytes("RGB" if family == "lcd_320x240" else "1", SIZES[family], drawn)


def text(language: Language, name: str) -> str:
    """Write a state's page on the display with characters."""
    letters = in_letters(frame(CHARACTERS, language, name))
    return "\n".join(letters[start : start + COLUMNS] for start in range(0, len(letters), COLUMNS))


def in_letters(codes: bytes) -> str:
    """Write a character display's codes."""
    return "".join(_GLYPHS[code] if code < len(_GLYPHS) else _OTHERS.get(code, chr(code)) for code in codes)


def framed(page: str) -> str:
    """Show where the rows of a page end."""
    return "\n".join(f"|{row}|" for row in page.split("\n"))


def path(family: str, language: Language, name: str) -> Path:
    """Where a page's picture is kept."""
    file = "-".join(name.replace(",", "").split())
    return FOLDER / family / language.value / f"{file}.png"


def texts_path(language: Language) -> Path:
    """Where the pages in characters are kept."""
    return FOLDER / CHARACTERS / f"{language.value}.txt"


def states_in_characters(language: Language) -> Collection[str]:
    """Every page that is kept as text."""
    return VIEWS if language is Language.ENGLISH else LAYOUTS


def approved_texts(language: Language) -> dict[str, str]:
    """Read the pages in characters that were approved."""
    sections = texts_path(language).read_text(encoding="utf-8").split("\n\n")
    return dict(section.strip("\n").split("\n", 1) for section in sections if section.strip("\n"))


def fonts() -> str:
    """Say what letters are drawn with: the same text is other pixels in another version."""
    lines = [
        f"{Path(font).name} {hashlib.sha256(Path(font).read_bytes()).hexdigest()[:16]}"
        for font in (UNIFONT_PATH, OUTLINE_PATH)
        if Path(font).exists()
    ]
    return "\n".join([*lines, f"FreeType {features.version_module('freetype2')}", ""])


def states_with_pixels() -> Iterator[tuple[str, Language, str]]:
    """Every page that is kept as a picture."""
    return (
        (family, language, name)
        for family in SIZES
        for language in Language
        for name in (VIEWS if family == SMALLEST else LAYOUTS)
    )


def write() -> None:
    """Approve the pages as they are drawn now."""
    kept = set()
    for family, language, name in states_with_pixels():
        golden = path(family, language, name)
        golden.parent.mkdir(parents=True, exist_ok=True)
        drawn = picture(family, language, name)
        if not golden.exists() or not is_same(drawn, Image.open(golden)):
            small(drawn).save(golden, optimize=True)
        kept.add(golden)
    for stale in set(FOLDER.rglob("*.png")) - kept:
        stale.unlink()
    for language in Language:
        golden = texts_path(language)
        golden.parent.mkdir(parents=True, exist_ok=True)
        sections = "\n\n".join(f"{name}\n{framed(text(language, name))}" for name in states_in_characters(language))
        golden.write_text(f"{sections}\n", encoding="utf-8")
    FONTS_NOTE.write_text(fonts(), encoding="utf-8")


def small(drawn: Image.Image) -> Image.Image:
    """Return a picture with a palette where that loses nothing."""
    if drawn.mode == "1":
        return drawn
    with_palette = drawn.quantize(256)
    return with_palette if is_same(drawn, with_palette) else drawn


def is_same(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures are the same in every pixel."""
    return one.size == other.size and one.convert("RGB").tobytes() == other.convert("RGB").tobytes()


def save_difference(family: str, language: Language, name: str, drawn: Image.Image) -> Path:
    """Keep the approved picture, the drawn one, and where they differ, one below the other."""
    approved = Image.open(path(family, language, name)).convert("RGB")
    now = drawn.convert("RGB")
    parts = [approved, now]
    if approved.size == now.size:
        parts.append(ImageChops.difference(approved, now).point(lambda value: 255 if value else 0))
    sheet = Image.new("RGB", (max(part.width for part in parts), sum(part.height + 4 for part in parts)), (80, 80, 80))
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height + 4
    file = DIFFERENCES / path(family, language, name).relative_to(FOLDER)
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)
    return file


if __name__ == "__main__":
    from tests.unit.display.contact_sheet import draw_sheets

    write()
    draw_sheets()
