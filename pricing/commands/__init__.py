"""The commands of this package: each module a group of them."""
