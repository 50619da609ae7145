"""Pictures on displays that know light and dark alone."""

from PIL import Image, ImageOps


def dithered(rgb: bytes, width_px: int, height_px: int) -> Image.Image:
    """Return rows of red, green and blue bytes as a picture of mode `1`, by Floyd and Steinberg's error diffusion."""
    grey = Image.frombytes("RGB", (width_px, height_px), rgb).convert("L")
    # A dull picture would become an even grey of dots; what is light and dark in it is spread over the whole range.
    return ImageOps.autocontrast(grey, cutoff=1).convert("1")
