"""SIP that no well-behaved phone sends: made from a seed, so that each message can be made again."""
