"""Version 17: since when a visitor waits, and a list of dialogs that only messages move."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

# The places that dialogs have in the list are given out anew, in the order of their newest messages. What an answer is
# stands in the newest messages, which the index of a dialog's messages finds from its end.
_STATEMENTS = """
ALTER TABLE dialog ADD COLUMN waiting_since BIGINT;
UPDATE dialog SET waiting_since = (
    SELECT message.created_at FROM message
    WHERE message.dialog_id = dialog.id AND message.sender = 'user' AND message.id > COALESCE((
        SELECT answer.id FROM message AS answer
        WHERE answer.dialog_id = dialog.id AND answer.sender IN ('manager', 'assistant')
        ORDER BY answer.id DESC LIMIT 1), 0)
    ORDER BY message.id LIMIT 1)
WHERE dialog.status = 'open';
UPDATE dialog SET activity = placed.activity
FROM (
    SELECT spoke.id, place.activity FROM (
        SELECT dialog.id, ROW_NUMBER() OVER (ORDER BY COALESCE(message.created_at, dialog.created_at), dialog.id) AS n
        FROM dialog LEFT JOIN message ON message.id = dialog.last_message_id) AS spoke
    JOIN (SELECT activity, ROW_NUMBER() OVER (ORDER BY activity) AS n FROM dialog) AS place ON place.n = spoke.n
) AS placed
WHERE placed.id = dialog.id
"""


def waiting(database: Database) -> None:
    """From what is stored: the first message of a visitor that nobody has answered, and when each dialog last spoke."""
    run(database, _STATEMENTS)
