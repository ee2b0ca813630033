"""The network's own price lists: reading new ones, and checking those that are in use."""
