"""What the service needs of the person's system: places for its files, and how others find it."""
