"""What the configuration means to each part; a module a part, since registering waits for no other part's code."""
