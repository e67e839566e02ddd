#!/usr/bin/env python3
"""A real SMTP server that keeps what it gets, and fails as it is told.

usage: mail_sink.py FOLDER [--port N] [--tls CERT KEY | --starttls CERT KEY]
           [--auth USER:PASSWORD] [--refuse ADDRESS] [--defer ADDRESS=TIMES]
           [--defer-letter TIMES] [--refuse-letter] [--hang]

Writes FOLDER/port when it listens, and each letter as FOLDER/N.json: sender,
recipients, and what the letter's headers and text are.
"""

import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

# Of the library itself, with Debian 12's Python.
warnings.simplefilter("ignore")


class Sink:
    """The handler of all connections."""

    def __init__(self, options):
        self.options = options
        # Goes on where an earlier one stopped.
        self.count = len([name for name in os.listdir(options.folder)
                          if name.endswith(".json")])
        self.defers = {}
        for each in options.defer:
            address, times = each.rsplit("=", 1)
            self.defers[address] = int(times)
        self.letters_deferred = options.defer_letter

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.options.refuse:
            return "550 5.1.1 no such user here"
        if self.defers.get(address, 0) > 0:
            self.defers[address] -= 1
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.options.refuse_letter:
            return "554 5.7.1 this looks like spam"
        if self.letters_deferred > 0:
            self.letters_deferred -= 1
            return "451 4.3.0 not now"
        letter = email.message_from_bytes(
            envelope.content, policy=email.policy.default)
        body = letter.get_body(preferencelist=("plain",))
        self.count += 1
        kept = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in letter.items()},
            "names": [name for name, value in letter.items()],
            "text": body.get_content().replace("\r\n", "\n"),
            "raw": envelope.content.decode("latin-1"),
            "tls": session.ssl is not None,
            "user": session.login_data.decode() if session.login_data else "",
        }
        path = os.path.join(self.options.folder, f"{self.count}.json")
        with open(path + ".new", "w", encoding="utf-8") as out:
            json.dump(kept, out)
        os.rename(path + ".new", path)
        return "250 2.0.0 kept as %d" % self.count


def context_of(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def authenticator_of(expected):
    def check(server, session, envelope, mechanism, login):
        given = f"{login.login.decode()}:{login.password.decode()}"
        if given != expected:
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=login.login)
    return check


async def serve(options):
    sink = Sink(options)
    settings = {"enable_SMTPUTF8": False, "hostname": "sink.example"}
    if options.starttls:
        settings["tls_context"] = context_of(options.starttls)
        settings["require_starttls"] = True
    if options.auth:
        settings["authenticator"] = authenticator_of(options.auth)
        settings["auth_required"] = True
        settings["auth_require_tls"] = bool(options.starttls)
    tls = context_of(options.tls) if options.tls else None

    async def hang(reader, writer):
        await asyncio.sleep(3600)

    if options.hang:
        server = await asyncio.start_server(hang, "127.0.0.1", options.port)
    else:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(sink, **settings), "127.0.0.1", options.port, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    path = os.path.join(options.folder, "port")
    with open(path + ".new", "w", encoding="utf-8") as out:
        out.write(str(port))
    os.rename(path + ".new", path)
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--starttls", nargs=2)
    parser.add_argument("--auth")
    parser.add_argument("--refuse", action="append", default=[])
    parser.add_argument("--defer", action="append", default=[])
    parser.add_argument("--defer-letter", type=int, default=0)
    parser.add_argument("--refuse-letter", action="store_true")
    parser.add_argument("--hang", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
