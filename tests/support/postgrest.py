"""A stand-in for PostgREST, as small as the Edge Function's tests allow: POST /rest/v1/rpc/<function>, and no more.

There is no PostgREST to be had in CI, which has Python and little else. What matters here is as in PostgREST:
a token signed with HS256 is verified; its role and claims are set for the one transaction of the request, by an
`authenticator` that owns nothing; arguments go by name; errors come back as {code, message, details, hint} with
PostgREST's own status for each SQLSTATE. Like Supabase's gateway in front of it, it wants the project's public key.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
from psycopg import sql

PATH = "/rest/v1/rpc/"
ANONYMOUS = "anon"

# PostgREST's table, src/PostgREST/Error: the first that fits, else 400. PTxyz means xyz.
STATUSES = [
    ("08", 503), ("09", 500), ("0L", 403), ("0P", 403), ("21000", 500), ("23503", 409), ("23505", 409), ("25006", 405),
    ("25", 500), ("28", 403), ("2D", 500), ("38", 500), ("39", 500), ("3B", 500), ("40", 500), ("42883", 404),
    ("42P01", 404), ("42P17", 500), ("53400", 500), ("53", 503), ("54", 500), ("55", 500), ("57P01", 503), ("57", 500),
    ("58", 500), ("F0", 500), ("HV", 500), ("P0001", 400), ("P0", 500), ("XX", 500),
]  # fmt: skip


class Refused(Exception):
    """An answer that is none: its status and PostgREST's code and message."""


def token(secret: str, **claims: Any) -> str:
    """Return a JSON Web Token of these claims, signed with HS256."""
    signed = ".".join(_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{_encode(_signature(secret, signed))}"


@contextmanager
def serve(conninfo: str, secret: str, public_key: str) -> Iterator[str]:
    """Serve a database's functions, those of `public` unless asked otherwise, on loopback; yield the project's URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        server.settings = conninfo, secret, public_key
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    """One connection of the client, with a database connection of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    database: psycopg.Connection | None = None

    def setup(self) -> None:
        super().setup()
        self.conninfo, self.secret, self.public_key = self.server.settings

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, answer = 200, self._call(self._claims(), body)
        except Refused as refused:
            status, code, message = refused.args
            answer = {"code": code, "message": message, "details": None, "hint": None}
        content = json.dumps(answer).encode()
        with suppress(ConnectionError):  # the client may have lost its patience
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def finish(self) -> None:
        super().finish()
        if self.database:
            self.database.close()

    def log_message(self, *_: Any) -> None:
        pass

    def _claims(self) -> dict[str, Any]:
        if self.headers.get("apikey") != self.public_key:
            raise Refused(401, None, "Invalid API key")
        kind, _, sent = self.headers.get("Authorization", "").partition(" ")
        if not sent:
            return {}
        try:
            signed, _, signature = sent.rpartition(".")
            header, claims = (json.loads(_decode(part)) for part in signed.split("."))
            genuine = hmac.compare_digest(_decode(signature), _signature(self.secret, signed))
        except ValueError:
            genuine = False
        if kind.lower() != "bearer" or not genuine or header["alg"] != "HS256":
            raise Refused(401, "PGRST301", "No suitable key or wrong key type")
        if claims.get("exp", time.time()) < time.time() - 30:
            raise Refused(401, "PGRST303", "JWT expired")
        return claims

    def _call(self, claims: dict[str, Any], body: bytes) -> Any:
        role = claims.get("role", ANONYMOUS)
        try:
            with self._connected().transaction():
                call = self._statement(self.path.removeprefix(PATH), json.loads(body))
                self._connected().execute(
                    "SELECT set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                    [role, json.dumps(claims)],
                )
                row = self._connected().execute(call, [body.decode()]).fetchone()
                return row and row[0]
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise Refused(503, "PGRST000", "Database connection error. Retrying the connection.") from None
            status = _status(error.sqlstate, error.diag.message_primary or "", role)
            raise Refused(status, error.sqlstate, error.diag.message_primary) from None

    def _connected(self) -> psycopg.Connection:
        if self.database is None or self.database.closed:
            self.database = psycopg.connect(self.conninfo, autocommit=True, connect_timeout=2)
        return self.database

    def _statement(self, function: str, arguments: dict[str, Any]) -> sql.Composed:
        schema = self.headers.get("Content-Profile", "public")
        signatures = self._connected().execute(
            "SELECT proargnames, proargtypes::regtype[]::text[] FROM pg_proc "
            "JOIN pg_namespace ON pg_namespace.oid = pronamespace WHERE nspname = %s AND proname = %s",
            [schema, function],
        )
        for names, types in signatures:
            if set(names) == set(arguments):
                return sql.SQL("SELECT to_jsonb({}({})) FROM json_to_record(%s::json) AS _ ({})").format(
                    sql.Identifier(schema, function),
                    sql.SQL(", ").join(sql.SQL("{0} => _.{0}").format(sql.Identifier(name)) for name in names),
                    sql.SQL(", ").join(
                        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
                        for name, kind in zip(names, types, strict=True)
                    ),
                )
        raise Refused(404, "PGRST202", f"Could not find the function {schema}.{function} in the schema cache")


def _status(sqlstate: str, message: str, role: str) -> int:
    if sqlstate.startswith("PT"):
        return int(sqlstate[2:])
    if sqlstate == "42501":
        return 401 if role == ANONYMOUS else 403
    if sqlstate == "22023" and message.startswith("role") and message.endswith("does not exist"):
        return 401
    return next((status for prefix, status in STATUSES if sqlstate.startswith(prefix)), 400)


def _signature(secret: str, signed: str) -> bytes:
    return hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
