"""Login and accounts, for API clients with tokens and for the panel with a cookie."""

from __future__ import annotations

import asyncio
import secrets

import msgspec

from handlers.access import PANEL_COOKIE, Access
from handlers.base import Handler, operation
from replyx.accounts import (
    PANEL_SECONDS,
    AccountChange,
    AccountQuery,
    Login,
    NewAccount,
    OwnPassword,
    Refresh,
    Setup,
    TokenPair,
)
from replyx.errors import (
    AccountNotFound,
    CredentialInvalid,
    EmailTaken,
    Forbidden,
    Invalid,
    LoginFailed,
    SetupDone,
    TooManyRequests,
)
from replyx.schemas import Account, Page


class UserAnswer(msgspec.Struct, frozen=True):
    """Who is logged in now."""

    user: Account


class SetupState(msgspec.Struct, frozen=True):
    """Whether the first account is still to be made."""

    needed: bool


class LoginHandler(Handler):
    @operation("Log in", body=Login, answers={200: TokenPair}, problems=(LoginFailed, TooManyRequests))
    async def post(self, body: Login) -> object:
        return await self.services.accounts.login(body, self.request.remote_ip or "")


class RefreshHandler(Handler):
    @operation("Renew tokens", body=Refresh, answers={200: TokenPair}, problems=(CredentialInvalid,))
    async def post(self, body: Refresh) -> object:
        self.limit("login_address", self.address)
        return await self.services.accounts.refresh(body.refresh_token)


class LogoutHandler(Handler):
    @operation("End this session")
    async def post(self) -> None:
        await self.services.accounts.logout(self.account)


class MeHandler(Handler):
    @operation("The caller's account", answers={200: Account})
    async def get(self) -> object:
        return await self.services.accounts.me(self.account)


class OwnPasswordHandler(Handler):
    @operation("Change one's own password; ends every session", body=OwnPassword, problems=(LoginFailed, Invalid))
    async def post(self, body: OwnPassword) -> None:
        self.limit("login_address", self.address)
        await self.services.accounts.change_own_password(self.account, body)


class RegisterHandler(Handler):
    @operation(
        "Make an account of one's own", body=NewAccount, answers={201: Account}, problems=(EmailTaken, Forbidden)
    )
    async def post(self, body: NewAccount) -> object:
        if not self.services.settings.registration:
            raise Forbidden("Self-registration is off here; an operator makes accounts.")
        self.limit("login_address", self.address)
        return await self.services.accounts.register(body)


class AccountList(Handler):
    @operation("Accounts, oldest first", query=AccountQuery, answers={200: Page[Account]})
    async def get(self, query: AccountQuery) -> object:
        return await self.services.accounts.list(query)

    @operation("Add an account", body=NewAccount, answers={201: Account}, problems=(EmailTaken, Forbidden, Invalid))
    async def post(self, body: NewAccount) -> object:
        return await self.services.accounts.create(self.account, body)


class OneAccount(Handler):
    @operation("One account", answers={200: Account}, problems=(AccountNotFound,))
    async def get(self, account_id: int) -> object:
        return await self.services.accounts.get(account_id)

    @operation(
        "Change an account; a new password or active: false ends its sessions and sockets",
        body=AccountChange,
        answers={200: Account},
        problems=(AccountNotFound, Forbidden, Invalid),
    )
    async def patch(self, account_id: int, body: AccountChange) -> object:
        return await self.services.accounts.change(self.account, account_id, body)


class CookieHandler(Handler):
    """Keeps the panel's session in cookies that scripts cannot read."""

    def keep_session(self, tokens: TokenPair) -> None:
        """Set the session's cookie, and a fresh XSRF token that our own page can read."""
        secure = self.request.protocol == "https"
        self.set_cookie(
            PANEL_COOKIE,
            tokens.access_token,
            max_age=tokens.expires_in,
            httponly=True,
            samesite="Strict",
            secure=secure,
            path="/",
        )
        self.set_cookie("_xsrf", secrets.token_urlsafe(24), samesite="Strict", secure=secure, path="/")

    def forget_session(self) -> None:
        """Take the cookies away."""
        self.clear_cookie(PANEL_COOKIE, path="/")
        self.clear_cookie("_xsrf", path="/")


class PanelSession(CookieHandler):
    @operation("Log in to the panel", body=Login, answers={200: UserAnswer}, problems=(LoginFailed, Forbidden))
    async def post(self, body: Login) -> object:
        tokens = await self.services.accounts.login_to_panel(body, self.request.remote_ip or "")
        self.keep_session(tokens)
        return UserAnswer(tokens.user)

    @operation("Log out of the panel", access=Access.ACCOUNT)
    async def delete(self) -> None:
        await self.services.accounts.logout(self.account)
        self.forget_session()


class SetupHandler(CookieHandler):
    @operation("Whether the first account is still to be made", answers={200: SetupState})
    async def get(self) -> object:
        return SetupState(not await self.services.accounts.exist())

    @operation(
        "Make the first admin with the one-time code from the log",
        body=Setup,
        answers={201: UserAnswer},
        problems=(SetupDone, Forbidden, Invalid),
    )
    async def post(self, body: Setup) -> object:
        self.limit("setup_code", self.address)
        if await self.services.accounts.exist():
            raise SetupDone("There is an account already. Log in.")
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(None, self.services.secrets.is_setup_code, body.code):
            raise Forbidden("That is not the one-time code from the server's log.")
        account = await self.services.accounts.setup(body)
        await loop.run_in_executor(None, self.services.secrets.delete_setup_code)
        self.keep_session(await self.services.accounts.open_session(account.id, PANEL_SECONDS))
        return UserAnswer(account)
