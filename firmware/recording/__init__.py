"""Recordings of calls: made, told of and played; firmware.media has their sound, firmware.storage their files."""
