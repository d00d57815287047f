"""The wire formats: each turns an event into the bytes of one kind of connection. Pure functions of the event."""
