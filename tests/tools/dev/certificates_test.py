"""The certificates of a development cluster say who they are for.

They are made by openssl into a scratch folder and read back by openssl: each
must verify under its own authority only, and name the agreed identity.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path.insert(0, os.path.join(ROOT, "tools", "dev"))

import certificates  # noqa: E402

CLUSTER = "0123456789abcdef0123456789abcdef"


class CertificatesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        certificates.make_certificates(
            cls.folder, CLUSTER, ["m1", "m-2.b"])

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def openssl(self, *arguments):
        return subprocess.run(["openssl", *arguments], cwd=self.folder,
                              capture_output=True, text=True, check=False)

    def verifies(self, authority, name, purpose):
        return self.openssl("verify", "-purpose", purpose, "-CAfile",
                            f"{authority}.pem",
                            f"{name}.pem").returncode == 0

    def names(self, name):
        text = self.openssl("x509", "-in", f"{name}.pem", "-noout", "-ext",
                            "subjectAltName").stdout
        return {one.strip() for one in text.split("\n")[1].split(",")}

    def test_each_verifies_under_its_authority_only(self):
        for name, own, other, purpose in (
                ("client", "ca", "peer-ca", "sslclient"),
                ("m1", "ca", "peer-ca", "sslserver"),
                ("m1-peer", "peer-ca", "ca", "sslserver"),
                ("m1-peer", "peer-ca", "ca", "sslclient")):
            with self.subTest(name=name, purpose=purpose):
                self.assertTrue(self.verifies(own, name, purpose))
                self.assertFalse(self.verifies(other, name, purpose))

    def test_a_client_cannot_pose_as_a_server(self):
        self.assertFalse(self.verifies("ca", "client", "sslserver"))

    def test_names(self):
        member = f"quorate://{CLUSTER}/member"
        self.assertEqual(
            self.names("m1"), {"IP Address:127.0.0.1", "DNS:localhost",
                               f"URI:{member}/m1"})
        self.assertEqual(
            self.names("m-2.b-peer"),
            {f"URI:{member}/m-2.b", f"DNS:m-2.b.{CLUSTER}.member.quorate"})
        self.assertEqual(self.names("client"),
                         {f"URI:quorate://{CLUSTER}/client/developer"})

    def test_keys_are_for_their_owner_only(self):
        for name in os.listdir(self.folder):
            if name.endswith(".key"):
                mode = os.stat(os.path.join(self.folder, name)).st_mode
                self.assertEqual(mode & 0o077, 0, name)


if __name__ == "__main__":
    unittest.main()
