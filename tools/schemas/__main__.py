"""`python -m tools.schemas`: write the files of fleet/schemas anew."""

from tools.schemas.files import FOLDER, files

for path in FOLDER.glob("*.json"):
    path.unlink()
for name, text in files().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
