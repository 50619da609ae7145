"""`python -m tools.reference`: write docs/configuration.md and systemd/config.example.toml anew."""

from tools.reference.document import EXAMPLE_PATH, PATH, document, example

PATH.write_text(document(), encoding="utf-8")
EXAMPLE_PATH.write_text(example(), encoding="utf-8")
