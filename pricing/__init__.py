"""Usage in, invoices out. This package sees no events; see README.md beside this file."""
