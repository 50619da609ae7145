"""`python -m tests.tasks`: write docs/tasks.md anew."""

from tests.tasks.document import PATH, document

PATH.write_text(document(), encoding="utf-8")
