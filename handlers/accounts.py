"""Login and accounts, for API clients with tokens and for the panel and the shop page with a cookie."""

from __future__ import annotations

import asyncio
import secrets

import msgspec

from handlers.access import Access
from handlers.base import Handler, operation
from handlers.cookies import DEVICE, SESSION, XSRF, clear_cookies, cookie_of, set_cookie
from replyx.accounts import AccountChange, AccountQuery, NewAccount, OwnPassword, Setup
from replyx.auth import AccountActor
from replyx.errors import (
    AccountNotFound,
    CredentialExpired,
    CredentialInvalid,
    EmailTaken,
    Forbidden,
    Invalid,
    LoginFailed,
    SetupDone,
    TooManyRequests,
)
from replyx.login_attempts import DEVICE_SECONDS
from replyx.refused_logins import Refusals
from replyx.schemas.dialogs import Account, Page
from replyx.sessions import PANEL_SECONDS, Entered, Login, Refresh, TokenPair


class UserAnswer(msgspec.Struct, frozen=True):
    """Who is logged in now."""

    user: Account


class LoginAnswer(msgspec.Struct, frozen=True):
    """Who has logged in, and what there were of wrong passwords before, if there were many."""

    user: Account
    refusals: Refusals | None


class VisitAnswer(msgspec.Struct, frozen=True):
    """Who is signed in on the shop page, if anybody."""

    user: Account | None


class SetupState(msgspec.Struct, frozen=True):
    """Whether the first account is still to be made."""

    needed: bool


class LoginHandler(Handler):
    @operation("Log in", body=Login, answers={200: TokenPair}, problems=(LoginFailed, TooManyRequests))
    async def post(self, body: Login) -> object:
        return await self.services.sessions.login(body, self.request.remote_ip or "")


class RefreshHandler(Handler):
    @operation("Renew tokens", body=Refresh, answers={200: TokenPair}, problems=(CredentialInvalid,))
    async def post(self, body: Refresh) -> object:
        self.limit("refresh", self.address)
        return await self.services.sessions.refresh(body.refresh_token)


class LogoutHandler(Handler):
    @operation("End this session")
    async def post(self) -> None:
        await self.services.sessions.logout(self.account)


class MeHandler(Handler):
    @operation("The caller's account", answers={200: Account})
    async def get(self) -> object:
        return await self.services.accounts.me(self.account)


class OwnPasswordHandler(Handler):
    @operation("Change one's own password; ends every session", body=OwnPassword, problems=(LoginFailed, Invalid))
    async def post(self, body: OwnPassword) -> None:
        self.limit("own_password", str(self.account.account_id))
        await self.services.accounts.change_own_password(self.account, body)


class RegisterHandler(Handler):
    @operation(
        "Make an account of one's own", body=NewAccount, answers={201: Account}, problems=(EmailTaken, Forbidden)
    )
    async def post(self, body: NewAccount) -> object:
        if not self.services.settings.registration:
            raise Forbidden("Self-registration is off here; an operator makes accounts.")
        self.limit("register", self.address)
        asker = self.services.attempts.stranger(self.request.remote_ip or "")
        return await self.services.accounts.register(body, asker)


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
    """Keeps a page's session in a cookie that scripts cannot read. One browser has one login for all pages."""

    async def begin(self, tokens: TokenPair) -> Account:
        """Sign this browser in; who was signed in before is signed out, as nobody could do that any more."""
        before = await self.signed_in()
        if before is not None:
            await self.services.sessions.logout(before)
        self.keep_session(tokens.access_token, tokens.expires_in, secrets.token_urlsafe(24))
        return tokens.user

    async def enter(self, entered: Entered) -> LoginAnswer:
        """As :meth:`begin`, for somebody who gave a password: the browser is known from now on."""
        if entered.mark is not None:
            set_cookie(self, self.services.base_url, DEVICE, entered.mark, DEVICE_SECONDS)
        return LoginAnswer(await self.begin(entered.tokens), entered.refusals)

    @property
    def mark(self) -> str | None:
        """What this browser shows of an earlier login."""
        return cookie_of(self.request, DEVICE)

    async def signed_in(self) -> AccountActor | None:
        """Whose cookie came along, if it is still good."""
        cookie = cookie_of(self.request, SESSION)
        try:
            return await self.services.authenticator.account(cookie, self.now) if cookie is not None else None
        except (CredentialInvalid, CredentialExpired):
            return None

    def keep_session(self, access_token: str, seconds: int, xsrf: str) -> None:
        """Set the session's cookie, and the XSRF token that our own page can read."""
        set_cookie(self, self.services.base_url, SESSION, access_token, seconds)
        set_cookie(self, self.services.base_url, XSRF, xsrf, seconds)

    def forget_session(self) -> None:
        """Take the cookies away."""
        clear_cookies(self)


class PanelSession(CookieHandler):
    @operation("Log in to the panel", body=Login, answers={200: LoginAnswer}, problems=(LoginFailed, Forbidden))
    async def post(self, body: Login) -> object:
        remote_ip = self.request.remote_ip or ""
        return await self.enter(await self.services.sessions.login_to_panel(body, remote_ip, self.mark))

    @operation("Log out of the panel", access=Access.ACCOUNT)
    async def delete(self) -> None:
        await self.services.sessions.logout(self.account)
        self.forget_session()


class WebappSession(CookieHandler):
    """The login of ``/webapp/``, for an account of any role."""

    @operation(
        "Who is signed in on the shop page; prolongs a customer's session once a day", answers={200: VisitAnswer}
    )
    async def get(self) -> object:
        """Nobody is no failure here: most visitors have no account."""
        actor = await self.signed_in()
        if actor is None:
            if cookie_of(self.request, SESSION) is not None:
                self.forget_session()
            return VisitAnswer(None)
        renewed = await self.services.sessions.renew(actor)
        if renewed is not None:
            xsrf = cookie_of(self.request, XSRF) or secrets.token_urlsafe(24)
            self.keep_session(renewed.access_token, renewed.expires_in, xsrf)
        return VisitAnswer(await self.services.accounts.me(actor))

    @operation("Sign in on the shop page", body=Login, answers={200: LoginAnswer}, problems=(LoginFailed,))
    async def post(self, body: Login) -> object:
        remote_ip = self.request.remote_ip or ""
        return await self.enter(await self.services.sessions.login_to_webapp(body, remote_ip, self.mark))

    @operation("Sign out of the shop page", access=Access.ACCOUNT)
    async def delete(self) -> None:
        await self.services.sessions.logout(self.account)
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
        return UserAnswer(await self.begin(await self.services.sessions.open(account.id, PANEL_SECONDS)))
