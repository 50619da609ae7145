"""What the administrator may ask over the local socket, a noun a file; `firmware/cli/` is who asks."""
