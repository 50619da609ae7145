"""Cards for Home Assistant that say states in words; `python -m tools.home_assistant` writes fleet/home-assistant."""
