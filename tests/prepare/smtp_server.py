"""A mail server on loopback for the scenarios: what it takes, it writes to a folder, one JSON file a mail.

Addresses that begin with `refused` are refused for good, those that begin with `busy` for now.
"""

import argparse
import email
import email.policy
import json
import pathlib
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Folder:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox here"
        if address.startswith("busy"):
            return "451 4.2.1 the mailbox is busy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": message.get_content(),
            "tls": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
        }
        number = len(list(self.folder.glob("*.json")))
        aside = self.folder / f"{number}.new"
        aside.write_text(json.dumps(mail))
        aside.rename(self.folder / f"{number}.json")
        return "250 OK"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--security", choices=["starttls", "tls", "plain"], required=True)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    chosen = parser.parse_args()

    def authenticate(server, session, envelope, mechanism, data):
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (
            chosen.user.encode(),
            chosen.password.encode(),
        )
        return AuthResult(success=known, handled=False, auth_data=data if known else None)

    options = {}
    if chosen.user:
        options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": chosen.security == "starttls"}
    if chosen.security != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chosen.certificate, chosen.key)
        if chosen.security == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        else:
            options |= {"ssl_context": context}
    Controller(Folder(chosen.folder), hostname="127.0.0.1", port=chosen.port, **options).start()
    print("the mail server is ready", flush=True)
    threading.Event().wait()


main()
