"""Documents in the formats that people and programs read: each a pure function of a `Document`."""
