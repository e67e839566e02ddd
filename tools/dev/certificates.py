"""Throw-away certificate authorities and certificates, by the openssl program.

For clusters on one's own machine and in tests only: the authority's key lies
beside the certificates, unencrypted.
"""

import os
import secrets
import subprocess
import tempfile

VALID_DAYS = 365


class OpensslError(Exception):
    """openssl refused; the message is what it said."""


def _openssl(*arguments):
    result = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise OpensslError(
            f"openssl {arguments[0]} failed:\n{result.stderr.strip()}")


def _make_key(path):
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-out", path)
    os.chmod(path, 0o600)


class Authority:
    """A certificate authority whose files are DIR/NAME.pem and NAME.key."""

    def __init__(self, directory, name, cluster_id):
        self.certificate = os.path.join(directory, f"{name}.pem")
        self._key = os.path.join(directory, f"{name}.key")
        self._cluster_id = cluster_id
        _make_key(self._key)
        _openssl("req", "-x509", "-new", "-key", self._key, "-sha256",
                 "-days", str(VALID_DAYS), "-out", self.certificate,
                 "-subj", f"/O=Quorate {cluster_id}/CN={name}",
                 "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, stem, common_name, names, usage):
        """Writes STEM.pem and STEM.key.

        `names` are the subject's alternative names in openssl's notation,
        `usage` the extended key usages. Serial numbers are random (RFC 5280,
        section 4.1.2.2: at most 20 octets, positive).
        """
        _make_key(f"{stem}.key")
        with tempfile.TemporaryDirectory() as scratch:
            request = os.path.join(scratch, "request.pem")
            extensions = os.path.join(scratch, "extensions")
            with open(extensions, "w", encoding="ascii") as out:
                out.write("basicConstraints=critical,CA:FALSE\n"
                          "keyUsage=critical,digitalSignature\n"
                          f"extendedKeyUsage={usage}\n"
                          f"subjectAltName={','.join(names)}\n")
            _openssl("req", "-new", "-key", f"{stem}.key", "-sha256",
                     "-subj", f"/O=Quorate {self._cluster_id}/CN={common_name}",
                     "-out", request)
            _openssl("x509", "-req", "-in", request, "-sha256",
                     "-CA", self.certificate, "-CAkey", self._key,
                     "-set_serial", "0x" + (b"\x01" + secrets.token_bytes(
                         15)).hex(),
                     "-days", str(VALID_DAYS), "-extfile", extensions,
                     "-out", f"{stem}.pem")


def make_certificates(directory, cluster_id, members):
    """Makes all certificates of a new cluster below `directory`.

    ca.pem signs what clients and members show on the client port, peer-ca.pem
    what members show each other: a client's certificate is worth nothing on
    the peer port. `members` are the members' names: a certificate is good for
    a place in the cluster, whichever data directory holds it.
    """
    os.makedirs(directory, mode=0o700, exist_ok=True)
    client_ca = Authority(directory, "ca", cluster_id)
    peer_ca = Authority(directory, "peer-ca", cluster_id)
    for name in members:
        identity = f"URI:quorate://{cluster_id}/member/{name}"
        client_ca.issue(
            os.path.join(directory, name), name,
            ["IP:127.0.0.1", "DNS:localhost", identity], "serverAuth")
        peer_ca.issue(
            os.path.join(directory, f"{name}-peer"), f"{name}-peer",
            [identity, f"DNS:{name}.{cluster_id}.member.quorate"],
            "serverAuth,clientAuth")
    client_ca.issue(
        os.path.join(directory, "client"), "developer",
        [f"URI:quorate://{cluster_id}/client/developer"], "clientAuth")
