"""The composition root: the one place that builds adapters and drivers and ties them together."""
