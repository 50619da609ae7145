"""New."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from firmware.pictures.header import size_of


def made(kind: str, size: tuple[int, int], **options: object) -> bytes:
    file = BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "comment": b"x" * 60_000}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
        ("BMP", {}),
    ],
)
def test_each_format_says_its_size(kind: str, options: dict[str, object]) -> None:
    assert size_of(BytesIO(made(kind, (301, 77), **options))) == (301, 77)


def test_a_bitmap_from_top_to_bottom_has_a_height_too() -> None:
    content = bytearray(made("BMP", (30, 20)))
    content[22:26] = (-20).to_bytes(4, "little", signed=True)
    assert size_of(BytesIO(bytes(content))) == (30, 20)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PPM"])
def test_other_formats_say_nothing(kind: str) -> None:
    assert size_of(BytesIO(made(kind, (30, 20)))) is None


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 ", b"BM"]),
    st.binary(max_size=80),
)
def test_no_bytes_make_it_fail(start: bytes, more: bytes) -> None:
    size = size_of(BytesIO(start + more))
    assert size is None or (size[0] > 0 and size[1] > 0)
