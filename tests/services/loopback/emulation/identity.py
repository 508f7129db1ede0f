"""Globus Auth, as far as the SDK and the agent speak to it: clients, tokens, a login by code, signed identities."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.services.loopback.emulation.records import Records

AUTH, COMPUTE = "auth.globus.org", "funcx_service"
"""The resource servers that tokens are for."""

_COMPUTE_SCOPE = "facd7ccc-c5f4-42aa-916b-a0e270e2c2a9"


class Denied(Exception):
    """Wrong or missing credentials; the message says which."""


@dataclass(frozen=True)
class Person:
    """Somebody whom the service knows."""

    subject: str
    name: str

    def claims(self) -> dict[str, Any]:
        """What the service says of them."""
        return {
            "sub": self.subject,
            "name": self.name,
            "username": self.name,
            "preferred_username": self.name,
            "email": self.name,
        }


class Identity:
    """Who may do what.

    Args:
        records: Where tokens are kept.
        clients: Secrets of the confidential clients by their ids. All of them act for ``person``.
        person: Whom every sign-in signs in.
        url: The address under which the service is known.
    """

    def __init__(self, records: Records, clients: Mapping[str, str], person: Person, url: str) -> None:
        self.person = person
        self.lifetime = 48 * 3600.0
        self._records, self._clients, self._url = records, clients, url

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:  # made when somebody signs in, as making one takes a while
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def authorize(self, query: Mapping[str, str]) -> str:
        """The code that a person is shown after signing in, to be typed where the login was begun."""
        code = secrets.token_urlsafe(24)
        kept = {name: query.get(name, "") for name in ("client_id", "code_challenge", "scope", "access_type")}
        self._records.put("codes", code, kept)
        return code

    def grant(self, form: Mapping[str, str], client: str | None, secret: str | None) -> dict[str, Any]:
        """Tokens, for a client's secret, for the code of a login, or for a refresh token.

        Raises:
            Denied: What was offered is not worth a token.
        """
        kind = form.get("grant_type")
        if client is not None and secret != self._clients.get(client, object()):
            raise Denied("the client's id or secret is wrong")
        if kind == "client_credentials" and client is not None:
            return self._tokens(client, form.get("scope", ""))
        if kind == "authorization_code":
            return self._exchange(form)
        if kind == "refresh_token":
            known = self._records.get("refresh", form.get("refresh_token", ""))
            if known is None:
                raise Denied("the refresh token is not known")
            return {**self._tokens(known["client"], known["scope"]), "refresh_token": form["refresh_token"]}
        raise Denied(f"nothing is granted for {kind}")

    def client_of(self, header: str | None, server: str) -> str:
        """The client whose bearer token for this resource server a request carries.

        Raises:
            Denied: There is none, or it is not valid (any more).
        """
        word, _, token = (header or "").partition(" ")
        known = self._records.get("tokens", token) if word == "Bearer" else None
        if known is None or known["server"] != server:
            raise Denied("the access token is missing or not known")
        if known["expires"] < time.time():
            raise Denied("the access token has expired")
        return str(known["client"])

    def expire(self) -> None:
        """End the life of every access token now; refresh tokens and secrets still get new ones."""
        for token, known in self._records.items("tokens"):
            self._records.put("tokens", token, {**known, "expires": 0})

    def revoke(self, token: str) -> None:
        """End a token's life for good, as signing out does."""
        self._records.remove("tokens", token)
        self._records.remove("refresh", token)

    def keys(self) -> dict[str, Any]:
        """The public key with which signed identities can be checked, as a JWK set."""
        return {"keys": [jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)]}

    def _exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        code = form.get("code", "")
        begun = self._records.get("codes", code)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if begun is None or begun["code_challenge"] != proof or begun["client_id"] != form.get("client_id"):
            raise Denied("the code is not known, was used before, or belongs to another login")
        self._records.remove("codes", code)
        tokens = self._tokens(begun["client_id"], begun["scope"], offline=begun["access_type"] == "offline")
        now = int(time.time())
        said = {
            **self.person.claims(),
            "iss": self._url,
            "aud": begun["client_id"],
            "iat": now,
            "exp": now + 3600,
        }
        return {**tokens, "id_token": jwt.encode(said, self._key, algorithm="RS256")}

    def _tokens(self, client: str, scope: str, *, offline: bool = False) -> dict[str, Any]:
        by_server: dict[str, list[str]] = {}
        for word in scope.split() or ["openid"]:
            by_server.setdefault(COMPUTE if _COMPUTE_SCOPE in word else AUTH, []).append(word)
        tokens: list[dict[str, Any]] = []
        for server, scopes in by_server.items():
            token = secrets.token_urlsafe(32)
            expires = time.time() + self.lifetime
            self._records.put("tokens", token, {"client": client, "server": server, "expires": expires})
            one = {
                "access_token": token,
                "resource_server": server,
                "scope": " ".join(scopes),
                "expires_in": int(self.lifetime),
                "token_type": "Bearer",
            }
            if offline:  # one for each resource server, good for that one alone
                refresh = secrets.token_urlsafe(24)
                self._records.put("refresh", refresh, {"client": client, "scope": one["scope"]})
                one["refresh_token"] = refresh
            tokens.append(one)
        return {**tokens[0], "other_tokens": tokens[1:]}
