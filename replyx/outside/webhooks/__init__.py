"""Outgoing webhooks: other servers are told of events by signed requests.

The way of an event: :mod:`.dispatch` follows the log and writes a delivery for each webhook that wants the event;
:mod:`.courier` sends deliveries until the receiver takes them or a day has passed; :mod:`.service` is what people do
with webhooks. :mod:`.signing` and :mod:`.schedule` are the rules that receivers rely on.
"""
