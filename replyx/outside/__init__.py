"""Calls to addresses that other people chose, and what follows the log to make them: webhooks and push messages."""
