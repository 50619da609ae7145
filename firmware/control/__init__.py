"""The local sockets: who may ask what, servers and clients."""
