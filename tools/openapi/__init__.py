"""Writes what the fleet's HTTP API answers as an OpenAPI document, from the app itself."""
