"""When an update is installed and tried, and whether it works: what the handset decides about firmware."""
