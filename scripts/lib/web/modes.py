"""Checks of who may look in each mode: plain HTTP, TLS, client certificates, users and tokens."""

import subprocess
import time

from lib.processes import check
from lib.web.testbed import scraped, ups
from lib.web.tokens import of_exporter

# The password `secret`, as a bcrypt hash.
HASH = "$2b$10$xzDJWJRowKoWphl04SS0vuVMlikrmiLjJm8OKb8MseKZEb0Bl.tS."
HEADER = "max-age=300"


def check_modes(testbed, tokens):
    """Starts an exporter for each mode, and scrapes all of them with curl and one Prometheus."""
    reviewer, scraper, nobody = tokens
    ca = testbed.authority.certificate
    trust = ("--cacert", ca)
    users = {"basic_auth_users": {"prometheus": HASH}}
    headers = {"http_server_config": {"headers": {"Strict-Transport-Security": HEADER}}}
    clients = testbed.tls(client_auth_type="RequireAndVerifyClientCert", client_ca_file=str(ca), client_allowed_sans=["prometheus.example"])
    plain = testbed.exporter("plain")
    tls = testbed.exporter("tls", testbed.tls(min_version="TLS12") | headers)
    mutual = testbed.exporter("mutual", clients)
    password = testbed.exporter("password", testbed.tls() | users)
    bearer = testbed.exporter("bearer", testbed.tls(), of_exporter(testbed, reviewer))
    either = testbed.exporter("either", testbed.tls() | users, of_exporter(testbed, reviewer))

    def certificate(pair):
        return ("--cert", pair[0], "--key", pair[1])

    def token(text):
        return ("--header", f"Authorization: Bearer {text}")

    def user(login):
        return ("--user", login)

    answers = [
        ("plain HTTP", plain.curl(scheme="http"), 200),
        ("TLS", tls.curl(*trust), 200),
        ("TLS 1.2", tls.curl(*trust, "--tls-max", "1.2"), 200),
        ("TLS 1.3", tls.curl(*trust, "--tlsv1.3"), 200),
        ("HTTP/2", tls.curl(*trust, "--http2"), 200),
        ("HTTP/1.1 over TLS", tls.curl(*trust, "--http1.1"), 200),
        ("TLS 1.1", tls.curl(*trust, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"), 0),
        ("unknown authority", tls.curl("--cacert", testbed.strangers.certificate), 0),
        ("wrong host", tls.curl(*trust, host="other.example"), 0),
        ("plain HTTP to TLS", tls.curl(scheme="http"), 400),
        ("client certificate", mutual.curl(*trust, *certificate(testbed.client)), 200),
        ("no client certificate", mutual.curl(*trust), 0),
        ("client of another authority", mutual.curl(*trust, *certificate(testbed.stranger)), 0),
        ("client with another name", mutual.curl(*trust, *certificate(testbed.other_client)), 0),
        ("user", password.curl(*trust, *user("prometheus:secret")), 200),
        ("wrong password", password.curl(*trust, *user("prometheus:wrong")), 401),
        ("unknown user", password.curl(*trust, *user("nobody:secret")), 401),
        ("no password", password.curl(*trust), 401),
        ("probe without password", password.curl(*trust, path="/livez"), 200),
        ("allowed token", bearer.curl(*trust, *token(scraper)), 200),
        ("denied token", bearer.curl(*trust, *token(nobody)), 403),
        ("another path", bearer.curl(*trust, *token(scraper), path="/"), 403),
        ("invalid token", bearer.curl(*trust, *token("invalid")), 401),
        ("no token", bearer.curl(*trust), 401),
        ("either: user", either.curl(*trust, *user("prometheus:secret")), 200),
        ("either: token", either.curl(*trust, *token(scraper)), 200),
        ("either: nothing", either.curl(*trust), 401),
    ]
    for name, status, expected in answers:
        check(status == expected, f"{name}: status {status}, not {expected}")
    print(f"modes: {len(answers)} requests of curl have the right answer", flush=True)
    sent = subprocess.run(
        ["curl", "--silent", "--head", "--cacert", ca, f"https://localhost:{tls.port}/livez"], check=True, stdout=subprocess.PIPE
    ).stdout.decode()
    check(f"strict-transport-security: {HEADER}" in sent.lower(), f"no header: {sent}")

    secrets = testbed.logs / "scraper.token"
    secrets.write_text(scraper)
    trusting = {"ca_file": str(ca)}
    with_certificate = {"cert_file": str(testbed.client[0]), "key_file": str(testbed.client[1])}
    jobs = {
        "plain": (plain, {}),
        "tls": (tls, {"tls_config": trusting}),
        "mutual": (mutual, {"tls_config": trusting | with_certificate}),
        "password": (password, {"tls_config": trusting, "basic_auth": {"username": "prometheus", "password": "secret"}}),
        "bearer": (bearer, {"tls_config": trusting, "authorization": {"credentials_file": str(secrets)}}),
        "refused-mutual": (mutual, {"tls_config": trusting}),
        "refused-password": (password, {"tls_config": trusting, "basic_auth": {"username": "prometheus", "password": "wrong"}}),
        "refused-bearer": (bearer, {"tls_config": trusting, "authorization": {"credentials": nobody}}),
    }
    with scraped(testbed, jobs) as port:
        expected = {name: 0.0 if name.startswith("refused") else 1.0 for name in jobs}
        deadline = time.monotonic() + 30
        while (found := ups(port)) != expected:
            check(time.monotonic() < deadline, f"Prometheus sees {found}, not {expected}")
            time.sleep(0.5)
    print(f"modes: Prometheus scrapes {sum(expected.values()):.0f} exporters, and is refused by the rest", flush=True)
