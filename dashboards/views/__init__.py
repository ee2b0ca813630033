"""The views of the app, one module each; `show` draws a view for a month of a generation."""
