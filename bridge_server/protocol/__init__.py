"""What client and service say to each other: PROTOCOL.md in code. Pure: no sockets, no event loop, no clock."""
