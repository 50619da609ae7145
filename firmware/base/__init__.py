"""What all parts lean on: errors, words, clocks, durable files, logs, numbers."""
