"""What clients see: the typed requests, answers and events of every subject."""
