"""A mail server that takes everything and shows it: aiosmtpd (PyPI).

    smtpd.py FOLDER

Letters are taken after STARTTLS and as ada:secret only. Its certificate is issued by an authority of its own, whose
certificate is written to FOLDER/ca.pem. The first line of the output is the port; then a line of JSON per letter.
A letter to somebody at `full.example` is put off, one to `never.example` refused for good.
"""

import datetime
import json
import socket
import ssl
import sys
import threading
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def issue(subject, issuer, key, signer, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
    for extension, critical in extensions:
        made = made.add_extension(extension, critical)
    return made.sign(signer, hashes.SHA256())


def certificate(folder):
    """Writes ca.pem, and returns a TLS context for `localhost`."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = issue("Test", "Test", authority, authority, [(x509.BasicConstraints(True, None), True), (usage, True)])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    server = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])
    leaf = issue("localhost", "Test", own, authority, [(names, False), (server, False)])
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(
        leaf.public_bytes(pem)
        + own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem")
    return context


class Shown:
    """Shows letters on the standard output."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@full.example"):
            return "452 4.2.2 mailbox full"
        if address.endswith("@never.example"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = message_from_bytes(envelope.content, policy=policy.default)
        shown = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
            "subject": letter["subject"],
            "id": letter["message-id"],
            "text": letter.get_content(),
        }
        print(json.dumps(shown), flush=True)
        return "250 OK"


def known(server, session, envelope, mechanism, auth):
    right = isinstance(auth, LoginPassword) and (auth.login, auth.password) == (b"ada", b"secret")
    return AuthResult(success=right)


folder = Path(sys.argv[1])
controller = Controller(
    Shown(),
    hostname="localhost",
    port=0,
    tls_context=certificate(folder),
    require_starttls=True,
    auth_required=True,
    authenticator=known,
)


def answers():
    """The controller asks the port it was given whether it is served, and 0 is none."""
    with socket.create_connection(controller.server.sockets[0].getsockname()[:2]) as connection:
        connection.recv(1024)


controller._trigger_server = answers
controller.start()
print(controller.server.sockets[0].getsockname()[1], flush=True)
threading.Event().wait()
