"""Engine.IO 4 and Socket.IO 5.

Two protocols, one above the other, and for each a codec and a session:

- ``engineio_codec`` and ``engineio_session``: one client over long-polling, over a WebSocket, or on the way from the
  one to the other; heartbeat, limits and every way to close.
- ``socketio_codec`` and ``socketio_session``: namespaces, events, acknowledgements and binary attachments inside the
  messages of an Engine.IO session.

These four know no socket, loop or clock: bytes and times come in, packets and deadlines come out.

``application`` is what a program that wants to speak Socket.IO implements, and what calls it, on the loop; ``wire``
and ``feed`` bring the events of the hub to its clients. ``handlers/socketio.py`` feeds the sessions.
"""
