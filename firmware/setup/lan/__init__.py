"""What a handset without a configuration does on its local network: it looks for a bundle that is for it."""
