"""`python -m tools.home_assistant`: write the dashboards anew."""

from tools.home_assistant.dashboards import FOLDER, dashboards

for name, text in dashboards().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
