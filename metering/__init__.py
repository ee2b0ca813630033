"""Events in, usage out. This package knows no money; see README.md beside this file."""
