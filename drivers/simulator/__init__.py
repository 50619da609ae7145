"""The handset's devices as a page in a browser: the same drivers for a phone that is clicked instead of touched."""
