"""Web Push: a notice on the devices of people who have no page open.

:mod:`.notices` says which events are worth a notice and for whom, :mod:`.pusher` follows the log and sends,
:mod:`.sealing` encrypts and signs as RFC 8291 and RFC 8292 demand, :mod:`.service` is what people do with devices.
"""
