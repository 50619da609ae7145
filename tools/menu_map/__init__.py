"""A map of the phone's menus, drawn by walking through them; `python -m tools.menu_map` writes docs/menu.md."""
