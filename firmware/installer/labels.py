"""A sheet of labels for a site's handsets: one page of HTML that needs nothing else, printed on A4.

Three by eight labels of 70 by 37 mm, as self-adhesive sheets have them. The first of each page has the words of the key
that signs, which a new handset shows and asks "On the sheet?". The code of the others is what the keypad asks for.
"""

import html
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import segno

_A_PAGE: Final = 23
"""So many handsets have room on a page, beside the words."""

_PAIR: Final = 5

_STYLE: Final = """
@page { size: A4; margin: 0 }
* { box-sizing: border-box; margin: 0 }
body { font: 9pt/1.3 "Liberation Sans", Arial, "Noto Sans CJK SC", sans-serif; color: #000; background: #fff }
main { width: 210mm; height: 296.9mm; padding: .4mm 0; display: grid; grid-template: repeat(8, 37mm) / repeat(3, 70mm);
  break-after: page; overflow: hidden }
main:last-child { break-after: auto }
article { display: grid; grid-template-columns: 1fr 21mm; gap: 2mm; padding: 4mm 4mm 3mm 5mm; overflow: hidden }
svg { width: 21mm; height: 21mm; display: block }
h1 { font-size: 11pt; line-height: 1.15; max-height: 2.3em; overflow: hidden; overflow-wrap: anywhere }
p { white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
p.code { font: bold 12pt/1.4 "Liberation Mono", Consolas, monospace; white-space: nowrap }
p.code small { font: 7pt sans-serif }
p.serial { font-size: 7pt }
p.ask { font-size: 8pt }
ol { list-style: none; padding: 0; display: grid; grid-template-columns: 1fr 1fr; gap: 1mm; counter-reset: word }
li { counter-increment: word; font: bold 9pt "Liberation Sans", Arial, sans-serif; white-space: nowrap }
li::before { content: counter(word) " "; font: 7pt sans-serif }
@media screen { body { background: #ddd } main { background: #fff; margin: 4mm auto; outline: 1px solid #aaa }
  article { outline: 1px dotted #bbb } }
"""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Label:
    """What is stuck on a handset, or handed to whoever sets it up.

    Attributes:
        name: what the handset is called.
        number: what others dial to call it.
        place: where it goes; may be "".
        device: the device id.
        serial: the hardware's own number.
        code: typed on the keypad; "" where there is none to type.
    """

    name: str
    number: str
    place: str
    device: str
    serial: str
    code: str


def sheet(labels: Sequence[Label], words: Sequence[str], title: str) -> str:
    """Draw the sheets.

    Args:
        labels: of the handsets.
        words: of the key that signs, as a handset shows them.
        title: of the page.
    """
    pages = (labels[first : first + _A_PAGE] for first in range(0, len(labels), _A_PAGE))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "".join(_page(page, words) for page in pages)
        + "</body>\n</html>\n"
    )


def has_code(page: str, serial: str) -> bool:
    """Whether a sheet that was drawn before has a code on the label of a handset."""
    return bool(re.search(f'class="code">.*</p><p class="serial">{re.escape(html.escape(serial))}<', page))


def _page(labels: Iterable[Label], words: Sequence[str]) -> str:
    return "<main>\n" + _words(words) + "".join(_label(label) for label in labels) + "</main>\n"


def _words(words: Sequence[str]) -> str:
    listed = "".join(f"<li>{html.escape(word)}</li>" for word in words)
    lines = f'<h1>On the sheet?</h1><p class="ask">OK only for these words:</p><ol>{listed}</ol>'
    return f"<article><div>{lines}</div>{_qr(' '.join(words))}</article>\n"


def _label(label: Label) -> str:
    lines = [f"<h1>{html.escape(label.name)}</h1>"]
    lines += [f"<p>{html.escape(line)}</p>" for line in (label.number, label.place) if line and line != label.name]
    if label.code:
        lines.append(f'<p class="code"><small>Code</small> {label.code[:_PAIR]} {label.code[_PAIR:]}</p>')
    lines.append(f'<p class="serial">{html.escape(label.serial)}</p>')
    if label.device != label.serial:
        lines.append(f'<p class="serial">{html.escape(label.device)}</p>')
    return f"<article><div>{''.join(lines)}</div>{_qr(label.serial)}</article>\n"


def _qr(text: str) -> str:
    """Draw a QR code: of the words, or of the serial, by which a table finds the handset again: a scanner types it."""
    drawn = io.BytesIO()
    segno.make(text, micro=False, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=2
    )
    return drawn.getvalue().decode("ascii").strip()
