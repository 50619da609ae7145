"""`python -m tools.openapi`: write fleet/schemas/openapi.json anew."""

from tools.openapi.document import PATH, document

PATH.parent.mkdir(exist_ok=True)
PATH.write_text(document(), encoding="utf-8")
