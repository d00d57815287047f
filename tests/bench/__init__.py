"""What ReplyX can do, measured beside other servers in the same run: ``python -m tests.bench``, or ``make bench``."""
