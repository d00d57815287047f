"""The one table of addresses: path, handler, and who may call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from tornado.routing import URLSpec

from handlers import (
    accounts,
    assistants,
    bans,
    broadcasts,
    client_sockets,
    dialog_sockets,
    dialogs,
    doctor,
    health,
    openapi,
    pages,
    products,
    push,
    search,
    stock_client,
    streams,
    tickets,
    visitors,
    webapp_sockets,
    webhooks,
    widgets,
)
from handlers.access import Access, Gate
from handlers.base import SMALL_BODY, NothingHere, Route, log_request
from handlers.http_parser import BodyRule
from handlers.routing import RoutedApplication, pattern
from handlers.shelf import Shelf
from handlers.socketio import rules
from handlers.socketio_sessions import EngineServer
from handlers.static_files import StaticFiles
from replyx.hosts import Hosts
from replyx.services import Services
from replyx.shop.broadcasts import BODY_BYTES
from replyx.tokens import Tokens

ROUTES = (
    # a password of any length is wrong, not too large
    Route("/api/v1/auth/login", accounts.LoginHandler, Access.PUBLIC),
    Route("/api/v1/auth/refresh", accounts.RefreshHandler, Access.PUBLIC, SMALL_BODY),
    Route("/api/v1/auth/logout", accounts.LogoutHandler, Access.ACCOUNT, SMALL_BODY),
    Route("/api/v1/auth/me", accounts.MeHandler, Access.ACCOUNT, SMALL_BODY),
    Route("/api/v1/auth/password", accounts.OwnPasswordHandler, Access.ACCOUNT, SMALL_BODY),
    Route("/api/v1/auth/register", accounts.RegisterHandler, Access.PUBLIC, SMALL_BODY),
    Route("/api/v1/accounts", accounts.AccountList, Access.OPERATOR, SMALL_BODY),
    Route("/api/v1/accounts/{account_id}", accounts.OneAccount, Access.OPERATOR, SMALL_BODY),
    Route("/api/v1/products", products.ProductList, Access.PUBLIC),
    Route("/api/v1/products/{product_id}", products.OneProduct, Access.PUBLIC),
    Route("/api/v1/admin/products", products.ModerationQueue, Access.ADMIN),
    Route("/api/v1/admin/products/bulk-approve", products.BulkApprove, Access.ADMIN),
    Route("/api/v1/admin/products/{product_id}/approve", products.ApproveProduct, Access.ADMIN),
    Route("/api/v1/admin/products/{product_id}/reject", products.RejectProduct, Access.ADMIN),
    Route("/api/v1/admin/products/{product_id}/reopen", products.ReopenProduct, Access.ADMIN, SMALL_BODY),
    Route("/api/v1/admin/products/{product_id}/decisions", products.ProductDecisions, Access.ADMIN),
    Route("/api/v1/settings", products.PublicSettings, Access.PUBLIC),
    Route("/api/v1/admin/settings", products.AdminSettings, Access.ADMIN),
    Route("/api/v1/setup", accounts.SetupHandler, Access.PUBLIC, SMALL_BODY),
    Route("/api/v1/push/key", push.PushKeys, Access.ACCOUNT, SMALL_BODY),
    Route("/api/v1/push/subscriptions", push.PushDevices, Access.ACCOUNT, SMALL_BODY),
    Route("/api/v1/push/test", push.PushTest, Access.ACCOUNT, SMALL_BODY),
    Route("/api/v1/webhooks", webhooks.WebhookList, Access.ADMIN),
    Route("/api/v1/webhooks/event-types", webhooks.WebhookEvents, Access.ADMIN),
    Route("/api/v1/webhooks/{webhook_id}", webhooks.OneWebhook, Access.ADMIN),
    Route("/api/v1/webhooks/{webhook_id}/secret", webhooks.WebhookRotation, Access.ADMIN),
    Route("/api/v1/webhooks/{webhook_id}/test", webhooks.WebhookTest, Access.ADMIN),
    Route("/api/v1/webhooks/{webhook_id}/deliveries", webhooks.WebhookDeliveries, Access.ADMIN),
    Route("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", webhooks.DeliveryReplay, Access.ADMIN),
    Route("/api/v1/doctor", doctor.Examination, Access.ADMIN),
    Route("/admin/session", accounts.PanelSession, Access.PUBLIC),
    Route("/webapp/session", accounts.WebappSession, Access.PUBLIC),
    Route("/api/assistants", assistants.AssistantList, Access.OPERATOR),
    Route("/api/assistants/{assistant_id}", assistants.OneAssistant, Access.OPERATOR),
    Route("/api/widgets", widgets.WidgetList, Access.OPERATOR),
    Route("/api/widgets/check", widgets.CheckWidget, Access.WIDGET),
    Route("/api/widgets/{widget_id}", widgets.OneWidget, Access.OPERATOR),
    Route("/api/inbox/events", streams.InboxEvents, Access.OPERATOR),
    Route("/api/search", search.SearchMessages, Access.OPERATOR),
    Route("/api/dialogs", dialogs.DialogList, Access.OPERATOR),
    Route("/api/dialogs/{dialog_id}", dialogs.OneDialog, Access.STAFF),
    Route("/api/dialogs/{dialog_id}/events", streams.DialogEvents, Access.PARTICIPANT),
    Route("/api/dialogs/{dialog_id}/messages", dialogs.DialogMessages, Access.STAFF),
    Route("/api/dialogs/{dialog_id}/typing", dialogs.DialogTyping, Access.STAFF, SMALL_BODY),
    Route("/api/dialogs/{dialog_id}/read", dialogs.DialogRead, Access.STAFF, SMALL_BODY),
    Route("/api/dialogs/{dialog_id}/assign", dialogs.DialogAssign, Access.OPERATOR, SMALL_BODY),
    Route("/api/dialogs/{dialog_id}/takeover", dialogs.DialogTakeover, Access.OPERATOR, SMALL_BODY),
    Route("/api/dialogs/{dialog_id}/release", dialogs.DialogRelease, Access.OPERATOR, SMALL_BODY),
    Route("/api/dialogs/{dialog_id}/close", dialogs.DialogClose, Access.OPERATOR, SMALL_BODY),
    Route("/api/dialogs/{dialog_id}/ban", bans.DialogBan, Access.OPERATOR, SMALL_BODY),
    Route("/api/bans", bans.BanList, Access.ADMIN),
    Route("/api/bans/{ban_id}", bans.OneBan, Access.ADMIN, SMALL_BODY),
    Route("/api/dialogs/{dialog_id}/reopen", dialogs.DialogReopen, Access.OPERATOR, SMALL_BODY),
    Route("/api/site/session", visitors.SiteSessions, Access.WIDGET),
    Route("/api/site/dialogs/{dialog_id}/messages", dialogs.DialogMessages, Access.SITE),
    Route("/api/site/dialogs/{dialog_id}/typing", dialogs.DialogTyping, Access.SITE, SMALL_BODY),
    Route("/api/site/dialogs/{dialog_id}/read", dialogs.DialogRead, Access.SITE, SMALL_BODY),
    Route("/api/widget/dialogs", visitors.WidgetDialogs, Access.WIDGET),
    Route("/api/widget/dialogs/{dialog_id}/messages", dialogs.DialogMessages, Access.GUEST),
    Route("/api/widget/dialogs/{dialog_id}/typing", dialogs.DialogTyping, Access.GUEST, SMALL_BODY),
    Route("/api/widget/dialogs/{dialog_id}/read", dialogs.DialogRead, Access.GUEST, SMALL_BODY),
    Route("/api/support/tickets", tickets.TicketList, Access.OPERATOR),
    Route("/api/support/tickets/{ticket_id:token}", tickets.OneTicket, Access.PUBLIC),
    Route("/api/support/tickets/{ticket_id:token}/messages", tickets.TicketMessages, Access.PUBLIC),
    Route("/api/support/tickets/{ticket_id:token}/changes", tickets.TicketChanges, Access.OPERATOR),
    Route("/ws/dialogs/{dialog_id}", dialog_sockets.DialogHandler, Access.STAFF),
    Route("/ws/site/dialogs/{dialog_id}", dialog_sockets.DialogHandler, Access.SITE),
    Route("/ws/widget/dialogs/{dialog_id}", dialog_sockets.DialogHandler, Access.GUEST),
    Route("/ws/user", client_sockets.UserHandler, Access.USER),
    Route("/ws/shop", client_sockets.ShopHandler, Access.SHOP),
    Route("/ws/admin", client_sockets.AdminHandler, Access.ADMIN),
    Route("/ws/webapp", webapp_sockets.WebappHandler, Access.PUBLIC),
    Route("/ws", webapp_sockets.WebappHandler, Access.PUBLIC),
    Route("/ws/stats", health.SocketStatsHandler, Access.PUBLIC),
    Route("/api/internal/broadcast", broadcasts.BroadcastHandler, Access.INTERNAL, BodyRule(BODY_BYTES)),
    Route("/metrics", health.MetricsHandler, Access.MONITOR),
    Route("/health", health.HealthHandler, Access.PUBLIC),
    Route("/ready", health.ReadyHandler, Access.PUBLIC),
    # the names that clusters look for
    Route("/healthz", health.HealthHandler, Access.PUBLIC),
    Route("/readyz", health.ReadyHandler, Access.PUBLIC),
    Route("/api/sse/health", health.SseHealthHandler, Access.PUBLIC),
    Route("/openapi.json", openapi.Document, Access.PUBLIC),
    Route("/docs", openapi.DocsPage, Access.PUBLIC),
    Route("/docs/errors", openapi.ErrorsPage, Access.PUBLIC),
    Route("/", pages.Home, Access.PUBLIC),
    Route("/admin", pages.AdminPage, Access.PUBLIC),
    Route("/chat/{widget_id}", pages.ChatPage, Access.PUBLIC),
    Route("/demo-site/", pages.DemoSite, Access.PUBLIC),
    Route("/demo/", pages.TicketDemo, Access.PUBLIC),
    Route("/webapp/", pages.WebappPage, Access.PUBLIC),
)


def application(services: Services, tokens: Tokens, engine: EngineServer) -> RoutedApplication:
    """The Tornado application that serves every route, and Socket.IO by ``engine``."""
    gate = Gate(tokens, services.authenticator)
    shared: dict[str, Any] = {"services": services, "gate": gate}
    shelf = Shelf(Path(services.root) / "static")
    specs: list[Any] = [
        URLSpec(pattern(route.path) + "$", route.handler, {**shared, "access": route.access}) for route in ROUTES
    ]
    specs += rules(engine, "/socket.io/")
    specs += [
        (
            stock_client.ADDRESS,
            stock_client.StockClient,
            {"shelves": stock_client.shelves(services)},
        ),
        (r"/(widget\.js|push-worker\.js|favicon\.ico|robots\.txt)", StaticFiles, {"shelf": shelf}),
        (r"/static/(.*)", StaticFiles, {"shelf": shelf}),
    ]
    return RoutedApplication(
        ROUTES,
        shared,
        specs,
        Hosts(services.base_url, services.settings.public_url, services.settings.allowed_hosts),
        default_handler_class=NothingHere,
        default_handler_args={**shared, "access": Access.PUBLIC},
        shelf=shelf,
        template_path=str(Path(services.root) / "templates"),
        log_function=log_request,
        openapi=msgspec.json.encode(openapi.document(ROUTES, services.base_url)),
        websocket_ping_interval=0,
        compress_response=False,
    )
