"""A picture is decoded under the handset's own unit, whose rules let the decoder give up less than elsewhere."""

import json

from tests.lab.installed_box import InstalledBox

DECODE = """
import json
from pathlib import Path
from PIL import Image
from firmware.base.errors import PictureError
from firmware.services.photos import read_picture
from firmware.store.pin import _hash, _matches
path = Path("/var/lib/wecall/picture-of-test")
sizes = []
for kind in ("PNG", "JPEG", "WEBP", "BMP"):
    Image.new("RGB", (640, 480)).save(path, kind)
    pixels = read_picture(path)
    sizes.append((pixels.width_px, pixels.height_px))
path.unlink()
print(json.dumps({"sizes": sizes, "pin": _matches("2580", _hash("2580"))}))
"""


def test_pictures_are_decoded_and_pins_compared_in_the_handsets_unit(box: InstalledBox) -> None:
    said = json.loads(box.probe("wecall-handset.service", DECODE))
    assert said == {"sizes": [[320, 240]] * 4, "pin": True}
