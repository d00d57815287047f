"""What assistants know: sources that are read, an index of their passages, and answers made of them."""
