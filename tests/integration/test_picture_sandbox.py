import errno
import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from firmware.base.errors import PictureError
from firmware.pictures import decoder
from firmware.pictures.header import MAX_PIXELS
from firmware.pictures.pixels import Pixels
from firmware.services.photos import MAX_FILE_BYTES, NOT_A_PICTURE, TOO_LARGE, read_picture

ORIENTATION = 0x0112


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def shown(pixels: Pixels) -> Image.Image:
    return Image.frombytes("RGB", (pixels.width_px, pixels.height_px), pixels.rgb)


def alike(colour: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 12 for one, other in zip(colour, wanted, strict=True))


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Make a PNG by hand, with a header that says whatever it says."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (header, *chunks, (b"IEND", b""))
    )


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.webp", "photo.bmp"])
def test_a_picture_of_each_format_is_scaled_to_the_display(tmp_path: Path, name: str) -> None:
    pixels = read_picture(saved(tmp_path / name, Image.new("RGB", (1600, 1200), (200, 30, 60))))
    assert (pixels.width_px, pixels.height_px) == (320, 240)
    assert alike(shown(pixels).getpixel((160, 120)), (200, 30, 60))


def test_one_of_another_shape_is_cut_and_a_small_one_is_not_enlarged(tmp_path: Path) -> None:
    tall = read_picture(saved(tmp_path / "tall.png", Image.new("RGB", (400, 2000))))
    small = read_picture(saved(tmp_path / "small.png", Image.new("RGB", (90, 60))))
    assert (tall.width_px, tall.height_px) == (320, 240)
    assert (small.width_px, small.height_px) == (90, 60)


def test_a_photograph_taken_on_its_side_stands_upright(tmp_path: Path) -> None:
    lying = Image.new("RGB", (640, 480), (0, 0, 255))
    lying.paste((255, 0, 0), (0, 0, 320, 480))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    upright = shown(read_picture(saved(tmp_path / "photo.jpg", lying, exif=exif)))
    assert alike(upright.getpixel((160, 10)), (255, 0, 0))
    assert alike(upright.getpixel((160, 230)), (0, 0, 255))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "CMYK"])
def test_pictures_of_every_kind_of_colour_become_plain_ones(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    image = Image.new("I;16", (64, 48), 40_000) if mode == "I;16" else Image.new("L", (64, 48), 160).convert(mode)
    pixels = read_picture(saved(path, image))
    assert (pixels.width_px, pixels.height_px) == (64, 48)
    red, green, blue = shown(pixels).getpixel((30, 20))  # type: ignore[misc]
    assert red == green == blue
    assert red > 100


def test_what_can_be_seen_through_becomes_white(tmp_path: Path) -> None:
    assert shown(read_picture(saved(tmp_path / "a.png", Image.new("RGBA", (9, 9), (0, 0, 0, 0))))).getpixel((4, 4)) == (
        255, 255, 255,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png(60_000, 60_000, (b"IDAT", zlib.compress(bytes(10_000)))), TOO_LARGE),
        (png(2**31 - 1, 2**31 - 1), TOO_LARGE),
        (b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, 65_000, 65_000, 3) + bytes(9), TOO_LARGE),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\xff\xff" * 2, TOO_LARGE),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 1_000_000, 1_000_000) + bytes(28), TOO_LARGE),
        (b"GIF89a" + bytes(2000), NOT_A_PICTURE),
        (b"", NOT_A_PICTURE),
        (b"\0" * (MAX_FILE_BYTES + 1), TOO_LARGE),
    ],
    ids=["png", "png of all pixels", "jpeg", "webp", "bmp", "other format", "empty", "16 MB"],
)
def test_a_file_that_says_that_it_is_too_large_is_refused_within_100_ms(
    tmp_path: Path, content: bytes, words: object
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(content)
    # Of the processor, and of the decoder's process, if one were started.
    before_s = sum(os.times()[:4])
    with pytest.raises(PictureError) as refusal:
        read_picture(path)
    assert sum(os.times()[:4]) - before_s < 0.1
    assert refusal.value.words == words


@pytest.mark.parametrize(
    "content",
    # The two bombs take seconds to make.
    [
        lambda: png(100, 100, (b"IDAT", zlib.compress(bytes(500_000_000), 9))),
        lambda: png(
            100,
            100,
            (b"zTXt", b"x\0\0" + zlib.compress(bytes(300_000_000), 9)),
            (b"IDAT", zlib.compress(bytes(30_100))),
        ),
        lambda: png(100, 100, (b"IDAT", b"no zlib stream")),
        lambda: png(100, 100),
        lambda: b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, 100, 100, 3) + bytes(9),
    ],
    ids=["half a gigabyte of pixels", "half a gigabyte of text", "no pixels", "nothing", "jpeg of nothing"],
)
def test_a_picture_that_hides_what_it_is_harms_nobody(tmp_path: Path, content: Callable[[], bytes]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(content())
    began_s = time.perf_counter()
    with suppress(PictureError):
        assert read_picture(path).width_px == 100
    assert time.perf_counter() - began_s < 10


def test_neither_a_link_nor_a_pipe_is_followed(tmp_path: Path) -> None:
    picture = saved(tmp_path / "picture.png", Image.new("RGB", (9, 9)))
    (tmp_path / "link.png").symlink_to(picture)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(OSError) as refusal:  # noqa: PT011 - the number says it
        read_picture(tmp_path / "link.png")
    assert refusal.value.errno == errno.ELOOP
    with pytest.raises(PictureError):
        read_picture(tmp_path / "pipe.png")


IN_THE_SANDBOX = """
import socket, subprocess, sys
from firmware.pictures import decoder
secret = open("/etc/passwd")
decoder._shut_in()
def tries(what):
    try:
        what()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"
print(
    tries(lambda: open("/etc/hostname")),
    tries(lambda: open(sys.argv[1], "w")),
    tries(lambda: socket.socket()),
    tries(lambda: subprocess.Popen(["true"])),
    tries(lambda: bytearray(1 << 30)),
)
"""


def test_the_decoder_can_open_nothing_start_nothing_and_take_little_memory(tmp_path: Path) -> None:
    heard = subprocess.run(
        [sys.executable, "-c", IN_THE_SANDBOX, str(tmp_path / "written")], capture_output=True, text=True, check=True
    ).stdout.split()
    assert heard == ["OSError", "OSError", "OSError", "OSError", "MemoryError"]
    assert not (tmp_path / "written").exists()


def test_the_decoder_inherits_no_descriptor(tmp_path: Path) -> None:
    picture = saved(tmp_path / "picture.png", Image.new("RGB", (9, 9)))
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        read_picture(picture)
    finally:
        os.close(writer)
    # Nobody else has it open: a reader sees the end at once.
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_both_sides_of_the_sandbox_keep_the_same_limits() -> None:
    assert (decoder.MAX_FILE_BYTES, decoder.MAX_PIXELS) == (MAX_FILE_BYTES, MAX_PIXELS)


@pytest.mark.parametrize("size", [(6000, 4000)])
def test_the_largest_photograph_is_decoded_in_its_time(tmp_path: Path, size: tuple[int, int]) -> None:
    noise = Image.effect_noise((600, 400), 80).resize(size).convert("RGB")
    content = BytesIO()
    noise.save(content, "JPEG", quality=80)
    (tmp_path / "photo.jpg").write_bytes(content.getvalue())
    noise.save(tmp_path / "photo.webp", quality=50, method=0)
    for path in tmp_path.iterdir():
        assert read_picture(path).width_px == 320
