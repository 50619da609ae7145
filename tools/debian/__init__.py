"""Builds the Debian package: `python -m tools.debian --help`."""
