"""`python -m tools.countries`: write firmware/phone/countries.py and docs/countries.md anew."""

import sys

from tools.countries.compile import MODULE_PATH, module_text

if __name__ == "__main__":
    MODULE_PATH.write_text(module_text(), encoding="utf-8")
    # The page is made from what the phone will read.
    sys.modules.pop("firmware.phone.countries", None)
    from tools.countries.document import PATH, document

    PATH.write_text(document(), encoding="utf-8")
