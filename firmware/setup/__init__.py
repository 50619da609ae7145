"""Setting the handset up: bundles and their trial, the stick, root's part."""
