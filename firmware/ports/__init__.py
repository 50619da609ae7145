"""What the core needs from outside: one Protocol for each thing, implemented by drivers and adapters; a module a noun.

Calls into Voice, Display and the stores never block the main thread: each owner has a thread and a queue of
its own. Callbacks arrive on the owner's thread; the composition root brings them into the main loop.
"""
