"""Outgoing webhooks, for admins."""

from __future__ import annotations

from handlers.base import Handler, operation
from replyx.errors import DeliveryNotFound, Invalid, TooManyRequests, TooManyWebhooks, WebhookNotFound, WebhookOff
from replyx.outside.webhooks.schemas import (
    Delivery,
    EventGroup,
    NewWebhook,
    Rotation,
    Webhook,
    WebhookChange,
    WebhookWithSecret,
)
from replyx.paging import Paging
from replyx.schemas.dialogs import Page


class WebhookList(Handler):
    @operation("Webhooks, oldest first", query=Paging, answers={200: Page[Webhook]})
    async def get(self, query: Paging) -> object:
        return await self.services.webhooks.list(query)

    @operation(
        "Add a webhook; the answer alone shows its secret",
        body=NewWebhook,
        answers={201: WebhookWithSecret},
        problems=(TooManyWebhooks, Invalid),
    )
    async def post(self, body: NewWebhook) -> object:
        return await self.services.webhooks.create(body)


class WebhookEvents(Handler):
    @operation("What a webhook can listen to: groups, and the types in each", answers={200: Page[EventGroup]})
    async def get(self) -> object:
        return self.services.webhooks.event_types()


class OneWebhook(Handler):
    @operation("One webhook", answers={200: Webhook}, problems=(WebhookNotFound,))
    async def get(self, webhook_id: int) -> object:
        return await self.services.webhooks.get(webhook_id)

    @operation(
        "Change a webhook, turn it on or off",
        body=WebhookChange,
        answers={200: Webhook},
        problems=(WebhookNotFound, Invalid),
    )
    async def patch(self, webhook_id: int, body: WebhookChange) -> object:
        return await self.services.webhooks.change(webhook_id, body)

    @operation("Delete a webhook; what waited is not sent", problems=(WebhookNotFound,))
    async def delete(self, webhook_id: int) -> None:
        await self.services.webhooks.delete(webhook_id)


class WebhookRotation(Handler):
    @operation(
        "Replace the secret; the answer alone shows the new one",
        body=Rotation,
        answers={200: WebhookWithSecret},
        problems=(WebhookNotFound, Invalid),
    )
    async def post(self, webhook_id: int, body: Rotation) -> object:
        return await self.services.webhooks.rotate(webhook_id, body)


class WebhookTest(Handler):
    @operation(
        "Send a webhook.test now and say what came of it",
        answers={200: Delivery},
        problems=(WebhookNotFound, TooManyRequests),
    )
    async def post(self, webhook_id: int) -> object:
        self.limit("webhook_test", str(webhook_id))
        return await self.services.webhooks.test(webhook_id)


class WebhookDeliveries(Handler):
    @operation("Deliveries, the newest first", query=Paging, answers={200: Page[Delivery]}, problems=(WebhookNotFound,))
    async def get(self, webhook_id: int, query: Paging) -> object:
        return await self.services.webhooks.deliveries(webhook_id, query)


class DeliveryReplay(Handler):
    @operation(
        "Send a delivery again, with the same event id",
        answers={200: Delivery},
        problems=(WebhookNotFound, DeliveryNotFound, WebhookOff),
    )
    async def post(self, webhook_id: int, delivery_id: int) -> object:
        return await self.services.webhooks.replay(webhook_id, delivery_id)
