"""`python -m tools.schemas`: write the schemas of messages, and the AsyncAPI document, anew."""

from tools.schemas.files import FOLDER, files

for path in FOLDER.glob("*.schema.json"):
    path.unlink()
for name, text in files().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
