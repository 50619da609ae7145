"""Configurations: kept, read, checked."""
