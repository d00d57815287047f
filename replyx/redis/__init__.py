"""Redis, and nothing else: what joins the processes of one installation. Nothing below knows of it."""
