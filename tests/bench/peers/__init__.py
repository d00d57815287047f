"""The servers that ReplyX is measured beside: each as small as its framework allows, and written to be fast."""
