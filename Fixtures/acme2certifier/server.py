"""acme2certifier as a CA for tests: what its own WSGI server is, and what a test must be able to set.

usage: python server.py FOLDER PORT

FOLDER holds acme_srv.cfg, which acme2certifier reads, and settings.cfg, which is laid over it before
each request when it has changed. acme2certifier itself is not touched; what is added here:

- [Challenge] http_port, dns_port: where http-01 answers and the resolver are, instead of 80 and 53.
- [CAhandler] cert_validity_seconds, cert_age_seconds: see ca_handler.py.
- [Order] die_after: the server kills itself when that many orders were finalized and another is to
  be. Validations and issuances run one after another then, so that its death meets none of them:
  acme2certifier never takes up again what it was at, and the order hangs until it expires.
- [Order] replaces: acme2certifier 0.46 ignores the `replaces` of an order. "check" adds what
  RFC 9773 section 5 asks for, "ignore" leaves the server as it is.
- orders.jsonl in FOLDER: one line for each newOrder, with its `replaces` and the answer.
- One SQLite connection for each thread: with one for each function call, which is what
  acme2certifier does, ten clients at once lock each other out. And SQLite does not wait for the
  disk: nobody needs these databases after a crash of the machine.
"""

import json
import logging
import os
import signal
import sqlite3
import sys
import threading

import waitress

FOLDER = os.path.abspath(sys.argv[1])
PORT = int(sys.argv[2])
os.environ["ACME_SRV_CONFIGFILE"] = os.path.join(FOLDER, "acme_srv.cfg")
# The CA handler is found by its name.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))



class Connection(sqlite3.Connection):
    """A connection that stays open: every function of acme2certifier opens and closes its own."""

    def close(self):
        self.rollback()


_connect = sqlite3.connect
_mine = threading.local()


def connect_once(name):
    if not hasattr(_mine, "connection"):
        _mine.connection = _connect(name, timeout=30, factory=Connection)
        _mine.connection.execute("PRAGMA synchronous = OFF")
    return _mine.connection


def end_transaction():
    """After a request: what an exception has left open would lock out all others."""
    if hasattr(_mine, "connection"):
        _mine.connection.rollback()


sqlite3.connect = connect_once

from acme2certifier.acme_srv import order as order_module  # noqa: E402
from acme2certifier.acme_srv.helpers import network  # noqa: E402
from acme2certifier.acme_srv.message import finish_response  # noqa: E402
from acme2certifier.acme_srv.renewalinfo import Renewalinfo  # noqa: E402
from acme2certifier.share import acme2certifier_wsgi as server  # noqa: E402

CONFIG = server.CONFIG
LOCK = threading.Lock()


class Resolver(network.dns.resolver.Resolver):
    """dnspython's resolver with a port of the test's: acme2certifier can set addresses only."""

    def reset(self):
        super().reset()
        self.port = CONFIG.getint("Challenge", "dns_port")


network.dns.resolver.Resolver = Resolver

_url_host = network._http_url_host  # pylint: disable=protected-access


def url_host_with_port(host):
    port = CONFIG.getint("Challenge", "http_port")
    return f"{_url_host(host)}:{port}" if _is_address(host) else _url_host(host)


def _is_address(host):
    # The Host header, which is made by the same function for a name, stays as it is.
    try:
        network.ipaddress.ip_address(host)
        return True
    except ValueError:
        return False


network._http_url_host = url_host_with_port  # pylint: disable=protected-access


class Refusal(Exception):
    """A newOrder that is refused because of its `replaces`."""

    def __init__(self, code, kind, detail):
        super().__init__(detail)
        self.code, self.kind, self.detail = code, f"urn:ietf:params:acme:error:{kind}", detail


class Orders:
    """What was ordered and what it replaces; kept in orders.jsonl, so that a restart knows it."""

    def __init__(self):
        self.path = os.path.join(FOLDER, "orders.jsonl")
        self.replaced_by = {}
        self.replaces = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf8") as lines:
                for line in lines:
                    self._remember(json.loads(line))

    def _remember(self, entry):
        if entry["status"] == 201 and entry.get("replaces") and entry.get("checked"):
            self.replaced_by[entry["replaces"]] = entry["order"]
            self.replaces[entry["order"]] = entry["replaces"]

    def add(self, entry):
        self._remember(entry)
        with open(self.path, "a", encoding="utf8") as lines:
            lines.write(json.dumps(entry) + "\n")


ORDERS = Orders()


class Order(order_module.Order):
    """acme2certifier's order, which also takes `replaces` (RFC 9773 section 5)."""

    def create_order(self, payload, account_name):
        self.wanted = payload
        if not self._checks() or "replaces" not in payload:
            answer = super().create_order(payload, account_name)
            self.order_name = answer[2]
            return answer
        with LOCK:
            self._check(payload, account_name)
            answer = super().create_order(payload, account_name)
            self.order_name = answer[2]
            if not answer[0]:
                # At once: the next order for the same certificate may be waiting for the lock.
                ORDERS.replaced_by[payload["replaces"]] = self.order_name
            return answer

    def create_from_content(self, content):
        self.wanted, self.order_name = {}, None
        try:
            response = super().create_from_content(content)
        except Refusal as refusal:
            response = finish_response(
                self.message, {}, refusal.code, refusal.kind, refusal.detail
            )
        replaces = self.wanted.get("replaces")
        if replaces and self._checks() and response["code"] == 201:
            response["data"]["replaces"] = replaces
        if self.wanted:
            entry = {"order": self.order_name, "status": response["code"], "replaces": replaces}
            entry["names"] = [name["value"] for name in self.wanted.get("identifiers", [])]
            entry["checked"] = self._checks()
            with LOCK:
                ORDERS.add(entry)
        return response

    def get_order_details(self, order_name):
        details = super().get_order_details(order_name)
        if details and order_name in ORDERS.replaces:
            details["replaces"] = ORDERS.replaces[order_name]
        return details

    def _checks(self):
        return CONFIG.get("Order", "replaces", fallback="ignore") == "check"

    def _check(self, payload, account_name):
        replaces = payload["replaces"]
        with Renewalinfo(False, self.server_name, self.logger, config_dic=CONFIG) as info:
            # pylint: disable=protected-access
            try:
                old = info._lookup_certificate_by_renewalinfo(replaces)
            except Exception as error:
                raise Refusal(400, "malformed", f"not a certificate identifier: {error}") from error
        if not old:
            raise Refusal(404, "malformed", "replaces names no certificate of this CA")
        if old["order__account__name"] != account_name:
            raise Refusal(403, "unauthorized", "the certificate belongs to another account")
        if not self._names(old) & {name["value"] for name in payload.get("identifiers", [])}:
            raise Refusal(400, "malformed", "the certificates have no identifier in common")
        other = ORDERS.replaced_by.get(replaces)
        if other and super().get_order_details(other).get("status") != "invalid":
            raise Refusal(409, "alreadyReplaced", f"order {other} replaces this certificate")

    def _names(self, certificate):
        found = self.dbstore.certificate_lookup("name", certificate["name"], ["order__name"])
        details = super().get_order_details(found["order__name"])
        return {name["value"] for name in details.get("identifiers", [])}


server.Order = Order


class Settings:
    """settings.cfg, laid over the configuration when it has changed."""

    def __init__(self):
        self.path = os.path.join(FOLDER, "settings.cfg")
        self.seen = None

    def refresh(self):
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        if mark == self.seen:
            return
        with LOCK:
            CONFIG.read(self.path)
            self.seen = mark


class Life:
    """How many orders the server finalizes before it dies."""

    def __init__(self):
        self.lock = threading.Lock()
        self.finalized = 0

    def serve(self, environ, start_response):
        """Answers; what would be lost for good by its death runs alone if it is to die."""
        limit = CONFIG.getint("Order", "die_after", fallback=-1)
        path = environ["PATH_INFO"]
        if path.endswith("/finalize"):
            with self.lock:
                if 0 <= limit <= self.finalized:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.finalized += 1
        elif not path.startswith("/acme/chall/"):
            return server.application(environ, start_response)
        if limit < 0:
            return server.application(environ, start_response)
        with self.lock:
            return server.application(environ, start_response)


SETTINGS = Settings()
LIFE = Life()


def application(environ, start_response):
    SETTINGS.refresh()
    try:
        return LIFE.serve(environ, start_response)
    finally:
        end_transaction()


if __name__ == "__main__":
    logging.getLogger("waitress").setLevel(logging.ERROR)
    waitress.serve(
        application,
        host="127.0.0.1",
        port=PORT,
        threads=16,
        ident="acme2certifier",
        # TLS ends in front of it.
        url_scheme="https",
    )
