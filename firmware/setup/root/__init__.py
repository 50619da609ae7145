"""What runs as root."""
