"""The program `videoshop`: the command line and the service."""

from bridge_server.cli import main

main()
