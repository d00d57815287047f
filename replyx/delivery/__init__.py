"""The one log and its fan-out: store, hub, bus, subscriptions. Knows no subject; what an event means is for others."""
