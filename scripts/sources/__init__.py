"""What sources become: files read with the adapters, and whole data sets added up after the way of the stream."""
