"""How long texts may be, in characters: the one list, from which the pages and the documentation have theirs.

``static/shared/limits.js`` is made of it by ``python -m tests.docs_pages``.
"""

from __future__ import annotations

MESSAGE = 10_000
SUBJECT = 200
DESCRIPTION = 10_000  # of a ticket, of a product
PERSON = 100  # the name of an account, an assistant or a widget
VISITOR = 200  # what a page tells as its visitor's name
PAGE = 2_000  # the address of the page that a visitor is on
GREETING = 1_000
CLIENT_ID = 64
QUERY = 200
URL = 2_000
PURPOSE = 200  # what a webhook is for
PRODUCT = 200
NOTES = 2_000
PLATFORM = 60
TITLE = 300  # of a source, of a question tied to a passage
ASKED = 1_000  # a question to an assistant
SOURCE = 100_000  # a text that an assistant is to know
PASSWORD_MIN = 8
PASSWORD_MAX = 256

AMOUNT = 1_000_000_000  # the highest price or fee
BULK = 500  # products in one decision

TO_PAGES: dict[str, int] = {
    "message": MESSAGE,
    "subject": SUBJECT,
    "description": DESCRIPTION,
    "person": PERSON,
    "visitor": VISITOR,
    "greeting": GREETING,
    "reference": CLIENT_ID,
    "query": QUERY,
    "url": URL,
    "purpose": PURPOSE,
    "notes": NOTES,
    "platform": PLATFORM,
    "title": TITLE,
    "source": SOURCE,
    "passwordMin": PASSWORD_MIN,
    "amount": AMOUNT,
    "bulk": BULK,
}
