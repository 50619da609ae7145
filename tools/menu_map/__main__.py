"""`python -m tools.menu_map`: write docs/menu.md anew."""

from tools.menu_map.document import PATH, document
from tools.menu_map.walk import walk

PATH.write_text(document(walk()), encoding="utf-8")
