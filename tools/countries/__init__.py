"""Writes the table of all countries: the module that the phone reads, and the page that people read."""
