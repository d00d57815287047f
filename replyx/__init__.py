"""ReplyX: realtime customer conversations that anyone can host.

The core of the server: settings, store, event log, hub and the services on top of them. Nothing in
this package knows about HTTP handlers; ``handlers/`` imports from here, never the other way round.
"""

__version__ = "0.1.0"
