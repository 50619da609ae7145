"""The process that fetches updates: RAUC asks it on this machine, and it asks the server."""
