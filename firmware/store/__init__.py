"""The encrypted store: the only place that opens it, and files that are sealed."""
