"""The audio loop, tones, echo, and the sound of recordings."""
