"""The life of documents: from a draft to what was issued, its corrections and its proof."""
