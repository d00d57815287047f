"""Engine.IO 4 and Socket.IO 5, spoken without a socket, a loop or a clock.

Two protocols, one above the other, and for each a codec and a session:

- ``engineio_codec`` and ``engineio_session``: one client over long-polling, over a WebSocket, or on the way from the
  one to the other; heartbeat, limits and every way to close.
- ``socketio_codec`` and ``socketio_session``: namespaces, events, acknowledgements and binary attachments inside the
  messages of an Engine.IO session.

``application`` is what a program that wants to speak Socket.IO implements; ``wire`` and ``feed`` bring the events of
the hub to its clients. The handlers that feed the sessions are in ``handlers/socketio.py``.
"""
