"""The lock: which release of each Python package a phone gets, and the hashes of its files."""
