"""Who may see what: the settings `[dashboard]` of a book, and the roles that a person has by them.

Streamlit says who somebody is (OpenID Connect); which roles follow is decided here, at each rerun.
Without a login everybody at this machine may see everything, and no other machine is listened to.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from metering.door import Written, problems_of
from metering.errors import BookError, Problem
from metering.settings import SETTINGS, Book

Role = Literal["finance", "product", "operator", "account-reader"]
LOOPBACK = "127.0.0.1"
NEEDS_LOGIN = "TOLLBOOK_LOGIN"  # set where the app was started for those who log in
Words = tuple[Annotated[str, Field(min_length=1, max_length=254)], ...]


class Grant(Written):
    """Who has a role: by e-mail, by the domain of it, or by a group that the provider names."""

    role: Role
    emails: Words = ()
    domains: Words = ()
    groups: Words = ()
    account: str | None = None  # the one that an account-reader sees

    @model_validator(mode="after")
    def _name_an_account_for_a_reader(self) -> "Grant":
        if (self.role == "account-reader") != (self.account is not None):
            raise ValueError("an account-reader has an account, and nobody else | add or remove it")
        if not (self.emails or self.domains or self.groups):
            raise ValueError("nobody has this role | name emails, domains or groups")
        return self

    def is_for(self, email: str, groups: frozenset[str]) -> bool:
        address = email.casefold()
        domain = address.rpartition("@")[2]
        return (
            address in {one.casefold() for one in self.emails}
            or domain in {one.casefold().lstrip("@") for one in self.domains}
            or not groups.isdisjoint(self.groups)
        )


class DashboardSettings(Written):
    """The table `[dashboard]` of `tollbook.toml`."""

    login: Annotated[str, Field(min_length=1)] | None = None  # a file with Streamlit's [auth]
    provider: str | None = None  # where that file names several
    address: str = LOOPBACK  # what is listened to; another one only with a login
    hosts: Words = ()  # the names by which browsers reach it
    groups_claim: str = "groups"
    grant: tuple[Grant, ...] = ()

    @model_validator(mode="after")
    def _stay_at_home_without_login(self) -> "DashboardSettings":
        if self.login is None and (self.address != LOOPBACK or self.hosts or self.grant):
            raise ValueError(
                "address, hosts and grant need a login | name the file with Streamlit's [auth]"
            )
        return self


@dataclass(frozen=True)
class Viewer:
    """A person, what they may see, and the one account if it is only one."""

    email: str | None
    roles: frozenset[Role]
    account_id: str | None = None

    def may(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)


ANYBODY = Viewer(None, frozenset(("finance", "product", "operator")))


def read_dashboard_settings(book: Book) -> DashboardSettings:
    """Read `[dashboard]` of a book; raises `BookError` with every mistake in it."""
    path = book.root / SETTINGS
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("dashboard", {})
    except ValueError as error:
        problem = Problem(SETTINGS, f"is not TOML: {error}", "see toml.io for the syntax")
        raise BookError([problem]) from error
    try:
        return DashboardSettings.model_validate(table)
    except ValidationError as error:
        where = f"{SETTINGS} dashboard"
        raise BookError(problems_of(error, where, DashboardSettings)) from error


def login_file(book: Book, settings: DashboardSettings) -> Path | None:
    """The file with Streamlit's `[auth]`, beside `tollbook.toml` unless it is named as a whole."""
    return None if settings.login is None else book.root / settings.login


def viewer_of(
    settings: DashboardSettings, claims: Mapping[str, Any], *, now: datetime | None = None
) -> Viewer | None:
    """Say what a person may see by the claims of the identity provider.

    Returns:
        None for somebody who is not logged in, whose login has expired, whose e-mail the provider
        has not verified, or who has no role. One who reads several accounts sees the first.
    """
    if settings.login is None:
        return ANYBODY
    email = str(claims.get("email") or "")
    expires_at = claims.get("exp")
    if not claims.get("is_logged_in") or not email or claims.get("email_verified") is False:
        return None
    seconds = int((now or datetime.now(UTC)).timestamp())
    if expires_at is not None and int(expires_at) <= seconds:
        return None
    named = claims.get(settings.groups_claim) or ()
    groups = frozenset([named] if isinstance(named, str) else map(str, named))
    granted = [grant for grant in settings.grant if grant.is_for(email, groups)]
    roles = frozenset(grant.role for grant in granted)
    if not roles:
        return None
    # A role that sees all accounts is worth more than that of a reader of one.
    accounts = [grant.account for grant in granted if grant.account is not None]
    is_reader = roles == {"account-reader"}
    return Viewer(email, roles, accounts[0] if is_reader else None)
