"""Writes what goes over the broker as JSON Schemas and an AsyncAPI document, from the models and their docstrings."""
