"""What assistants know: sources, what was read of them, and the index of it."""

from __future__ import annotations

from peewee import CompositeKey

from replyx.database.fields import (
    AutoField,
    BigIntegerField,
    BooleanField,
    IntegerField,
    JsonField,
    MomentField,
    TextField,
)
from replyx.database.models.table import Table


class Source(Table):
    """Where an assistant's knowledge comes from.

    ``version`` is the one of the passages that are in force. It is read again at ``next_at``; null for never. A
    deleted one stays until its passages are gone.
    """

    id = AutoField()
    assistant_id = IntegerField()
    kind = TextField()
    title = TextField()
    url = TextField(null=True)
    text = TextField(default="")
    language = TextField(null=True)
    refetch_hours = IntegerField(null=True)
    state = TextField()
    failure = JsonField(default="null")
    version = IntegerField(default=0)
    passages = IntegerField(default=0)
    pages = IntegerField(default=0)
    attempts = IntegerField(default=0)
    asked = IntegerField(default=0)
    checked_at = MomentField(null=True)
    changed_at = MomentField(null=True)
    next_at = MomentField(null=True, index=True)
    deleted = BooleanField(default=False)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        indexes = ((("assistant_id", "id"), False),)


class SourceDocument(Table):
    """One document of a source, such as a page of a site, as it was when it was last fetched."""

    id = AutoField()
    source_id = IntegerField()
    url = TextField()
    version = IntegerField()
    title = TextField()
    etag = TextField(null=True)
    last_modified = TextField(null=True)
    digest = TextField()

    class Meta:
        indexes = ((("source_id", "url"), True),)


class SourceFile(Table):
    """A piece of an uploaded file, in base64, until the file has been read."""

    source_id = IntegerField()
    number = IntegerField()
    data = TextField()

    class Meta:
        primary_key = CompositeKey("source_id", "number")


class Passage(Table):
    """A part of a document that answers by itself; in force where ``version`` is its source's.

    ``url`` is the document's, and ``place`` what leads from there to the passage, such as ``#page=3``.
    """

    id = AutoField()
    source_id = IntegerField()
    version = IntegerField()
    number = IntegerField()
    title = TextField()
    text = TextField()
    url = TextField()
    place = TextField()
    language = TextField()
    dated = TextField(null=True)

    class Meta:
        indexes = ((("source_id", "version", "url", "number"), True),)


class PassageWord(Table):
    """A word of a passage, or of a question tied to it (``question_id``, 0 for the passage's own), and its weight."""

    assistant_id = IntegerField()
    word = TextField()
    passage_id = IntegerField()
    question_id = IntegerField()
    weight = IntegerField()

    class Meta:
        primary_key = CompositeKey("assistant_id", "word", "passage_id", "question_id")
        indexes = ((("passage_id",), False),)


class WordPart(Table):
    """Four letters of a word that some passage of the assistant has: by them words with a typing error are found."""

    assistant_id = IntegerField()
    part = TextField()
    word = TextField()

    class Meta:
        primary_key = CompositeKey("assistant_id", "part", "word")


class PassageQuestion(Table):
    """A question that somebody has asked, and the passage that answers it.

    ``url`` and ``title`` name the passage when its source has a new version.
    """

    id = AutoField()
    assistant_id = IntegerField()
    source_id = IntegerField()
    passage_id = IntegerField()
    text = TextField()
    url = TextField()
    title = TextField()
    created_at = MomentField()
    folded = TextField()

    class Meta:
        indexes = ((("passage_id",), False), (("source_id",), False), (("assistant_id", "folded"), False))


class Question(Table):
    """What a visitor has written and its assistant is to answer at ``due_at``: messages from ``first_id`` on.

    ``answer_id`` is the ``client_id`` that the answer will have, which nobody can guess.
    """

    dialog_id = IntegerField(primary_key=True)
    assistant_id = IntegerField()
    first_id = BigIntegerField()
    last_id = BigIntegerField()
    answer_id = TextField()
    asked_at = MomentField()
    due_at = MomentField(index=True)


class Gap(Table):
    """A question that nothing was quoted for. Those of the same ``likeness`` ask for the same in other words."""

    id = AutoField()
    assistant_id = IntegerField()
    dialog_id = IntegerField()
    message_id = BigIntegerField()
    text = TextField()
    likeness = TextField()
    outcome = TextField()
    closed = BooleanField()
    created_at = MomentField()

    class Meta:
        indexes = ((("assistant_id", "closed", "id"), False), (("assistant_id", "likeness"), False))
