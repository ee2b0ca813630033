"""Month end: what a finance team asks of the documents of a month, and of usage without one yet."""
