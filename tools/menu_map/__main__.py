"""`python -m tools.menu_map`: write docs/menu.md anew."""

from tools.menu_map.document import PATH, document

PATH.write_text(document(), encoding="utf-8")
