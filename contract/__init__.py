"""What crosses a border: messages, codes of results, purposes."""
