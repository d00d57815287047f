"""What an assistant knows: its sources, for admins, and questions that operators ask it and teach it."""

from __future__ import annotations

from handlers.base import Handler, operation
from replyx.errors import (
    AssistantNotFound,
    BodyTooLarge,
    GapNotFound,
    Invalid,
    PassageNotFound,
    QuestionNotFound,
    SourceNotFound,
    TooManySources,
)
from replyx.knowledge.schemas import (
    Answer,
    AskedAs,
    AskedQuestion,
    GapAnswer,
    GapGroup,
    GapPassage,
    GapQuery,
    NewSource,
    Passage,
    PassageQuestion,
    Source,
    SourceChange,
    SourceWithText,
    UploadQuery,
)
from replyx.paging import Paging
from replyx.schemas.dialogs import Page


class SourceList(Handler):
    @operation(
        "Sources of an assistant, oldest first",
        query=Paging,
        answers={200: Page[Source]},
        problems=(AssistantNotFound,),
    )
    async def get(self, assistant_id: int, query: Paging) -> object:
        return await self.services.knowledge.sources.list(assistant_id, query)

    @operation(
        "Add a source; it is read right afterwards",
        body=NewSource,
        answers={201: SourceWithText},
        problems=(AssistantNotFound, TooManySources, Invalid),
    )
    async def post(self, assistant_id: int, body: NewSource) -> object:
        return await self.services.knowledge.sources.create(assistant_id, body)


class SourceUpload(Handler):
    @operation(
        "Add a file, whose bytes are the body; it is read right afterwards",
        query=UploadQuery,
        answers={201: SourceWithText},
        problems=(AssistantNotFound, TooManySources, Invalid, BodyTooLarge),
    )
    async def post(self, assistant_id: int, query: UploadQuery) -> object:
        return await self.services.knowledge.sources.upload(assistant_id, query, self.incoming())


class OneSource(Handler):
    @operation("One source", answers={200: SourceWithText}, problems=(SourceNotFound,))
    async def get(self, assistant_id: int, source_id: int) -> object:
        return await self.services.knowledge.sources.get(assistant_id, source_id)

    @operation(
        "Change a source and read it again",
        body=SourceChange,
        answers={200: SourceWithText},
        problems=(SourceNotFound, Invalid),
    )
    async def patch(self, assistant_id: int, source_id: int, body: SourceChange) -> object:
        return await self.services.knowledge.sources.change(assistant_id, source_id, body)

    @operation("Delete a source with all that was read of it", problems=(SourceNotFound,))
    async def delete(self, assistant_id: int, source_id: int) -> None:
        await self.services.knowledge.sources.delete(assistant_id, source_id)


class SourceReading(Handler):
    @operation("Fetch a page or a site now", answers={200: SourceWithText}, problems=(SourceNotFound,))
    async def post(self, assistant_id: int, source_id: int) -> object:
        return await self.services.knowledge.sources.read_again(assistant_id, source_id)


class SourcePassages(Handler):
    @operation(
        "What was read of a source, oldest first",
        query=Paging,
        answers={200: Page[Passage]},
        problems=(SourceNotFound,),
    )
    async def get(self, assistant_id: int, source_id: int, query: Paging) -> object:
        return await self.services.knowledge.sources.passages(assistant_id, source_id, query)


class AskAssistant(Handler):
    @operation(
        "What an assistant would answer, and why; nobody is told",
        body=AskedQuestion,
        answers={200: Answer},
        problems=(AssistantNotFound, Invalid),
    )
    async def post(self, assistant_id: int, body: AskedQuestion) -> object:
        return await self.services.knowledge.questions.ask(assistant_id, body.question)


class QuestionList(Handler):
    @operation(
        "Questions that lead to passages, oldest first",
        query=Paging,
        answers={200: Page[PassageQuestion]},
        problems=(AssistantNotFound,),
    )
    async def get(self, assistant_id: int, query: Paging) -> object:
        return await self.services.knowledge.questions.list(assistant_id, query)


class OneQuestion(Handler):
    @operation("Let a question lead nowhere again", problems=(QuestionNotFound,))
    async def delete(self, assistant_id: int, question_id: int) -> None:
        await self.services.knowledge.questions.untie(assistant_id, question_id)


class PassageQuestions(Handler):
    @operation(
        "Let a question lead to a passage",
        body=AskedAs,
        answers={201: PassageQuestion},
        problems=(PassageNotFound, Invalid),
    )
    async def post(self, assistant_id: int, passage_id: int, body: AskedAs) -> object:
        return await self.services.knowledge.questions.tie(assistant_id, passage_id, body.text)


class GapList(Handler):
    @operation(
        "Questions that nothing was quoted for, the most frequent first",
        query=GapQuery,
        answers={200: Page[GapGroup]},
        problems=(AssistantNotFound,),
    )
    async def get(self, assistant_id: int, query: GapQuery) -> object:
        return await self.services.knowledge.gaps.list(assistant_id, query)


class OneGap(Handler):
    @operation("Close a gap, and those that are like it, without an answer", problems=(GapNotFound,))
    async def delete(self, assistant_id: int, gap_id: int) -> None:
        await self.services.knowledge.gaps.close(assistant_id, gap_id)


class GapAnswers(Handler):
    @operation(
        "Write an answer to a gap: it becomes a source",
        body=GapAnswer,
        answers={201: SourceWithText},
        problems=(GapNotFound, TooManySources, Invalid),
    )
    async def post(self, assistant_id: int, gap_id: int, body: GapAnswer) -> object:
        return await self.services.knowledge.gaps.answer(assistant_id, gap_id, body)


class GapPassages(Handler):
    @operation(
        "Let a gap's questions lead to a passage", body=GapPassage, problems=(GapNotFound, PassageNotFound, Invalid)
    )
    async def post(self, assistant_id: int, gap_id: int, body: GapPassage) -> None:
        await self.services.knowledge.gaps.tie(assistant_id, gap_id, body.passage_id)
