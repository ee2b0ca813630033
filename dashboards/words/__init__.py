"""Every word of the pages, by what they are about; whoever changes one looks here alone."""
