"""The files of fleet/schemas but for that of the HTTP API."""

import json
from pathlib import Path
from typing import Any, Final

from tools.schemas.asyncapi import document
from tools.schemas.json_schema import json_schema
from tools.schemas.messages import KINDS

FOLDER: Final = Path(__file__).resolve().parents[2] / "fleet" / "schemas"

ASYNCAPI: Final = "asyncapi.json"


def files() -> dict[str, str]:
    """Return the text of each file, by its name."""
    schemas = {
        f"{kind.name}.schema.json": _text(json_schema(kind.name, kind.model))
        for kind in KINDS
        if kind.model is not None
    }
    return {**schemas, ASYNCAPI: _text(document())}


def _text(node: dict[str, Any]) -> str:
    return json.dumps(node, indent=2, ensure_ascii=False) + "\n"
