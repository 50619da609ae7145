"""All that can be set, and the bundles that bring it."""
