"""Reading documents in a process of its own, whose time and memory are bounded: nothing here knows the server."""
