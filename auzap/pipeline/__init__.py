"""The way of one turn, a file a step: normalize, admit, classify, record, handle, persist, send."""
