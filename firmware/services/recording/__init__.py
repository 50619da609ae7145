"""Recordings of calls: made, told of and played; firmware.voice.audio has their sound, firmware.store their files."""
