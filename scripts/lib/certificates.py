"""Certificates for tests, made by openssl."""

import os
import pathlib
import subprocess
import tempfile


def openssl(*arguments, **options):
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options).stdout


class Authority:
    """A certificate authority in a directory."""

    def __init__(self, directory, name="authority"):
        self.directory = pathlib.Path(directory)
        self.certificate = self.directory / f"{name}.crt"
        self.key = self.directory / f"{name}.key"
        new_key(self.key)
        openssl("req", "-x509", "-key", self.key, "-days", 2, "-subj", f"/CN={name}", "-out", self.certificate)

    def issue(self, name, alternatives, usage="serverAuth"):
        """Writes NAME.crt and NAME.key with these subject alternative names, each in place of an earlier file at once."""
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            new = pathlib.Path(directory)
            new_key(new / "key")
            openssl("req", "-new", "-key", new / "key", "-subj", f"/CN={name}", "-out", new / "request")
            (new / "extensions").write_text(f"subjectAltName={alternatives}\nextendedKeyUsage={usage}\n")
            openssl(
                *("x509", "-req", "-in", new / "request", "-CA", self.certificate, "-CAkey", self.key, "-days", 1),
                *("-set_serial", int.from_bytes(os.urandom(8)), "-extfile", new / "extensions", "-out", new / "certificate"),
            )
            certificate, key = self.directory / f"{name}.crt", self.directory / f"{name}.key"
            (new / "certificate").rename(certificate)
            (new / "key").rename(key)
        return certificate, key


def new_key(path):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
