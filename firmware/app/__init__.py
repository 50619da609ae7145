"""The composition roots, one a process, and what ties their parts."""
