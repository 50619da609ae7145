"""Writes what can be set as a page of the documentation and as an example, from the schema's own docstrings."""
