"""The OpenAPI document of the fleet's HTTP API."""

import json
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine

from fleet.api.app import create_app
from fleet.api.settings import HttpSettings

PATH: Final = Path(__file__).parents[2] / "fleet" / "schemas" / "openapi.json"


def document() -> str:
    """Return what an app answers at /openapi.json, in lines."""
    app = create_app(create_engine("sqlite://"), HttpSettings(page=False))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
