"""The process that speaks to the broker."""
