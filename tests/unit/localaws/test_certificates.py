"""Certificates as clients meet them: handshakes in memory, between Python's ssl and the files."""

import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from localaws.certificates import NAMES, Certificates, make_certificates, trusted_here
from tests.objections import objection

PUBLIC = "aws.example.test"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls") / "new", names=[PUBLIC, "localhost", "::1"])


def shake_hands(server_file: Path, *, trusted: Path, name: str) -> None:
    """Let a client call a server by a name; raises what the client raises."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(server_file)
    client = ssl.create_default_context(cafile=str(trusted))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there, server_hostname=name)
    answering = server.wrap_bio(there, back, server_side=True)
    for _ in range(3):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert asking.getpeercert()


@pytest.mark.parametrize("name", ["localhost", "photos.s3.localhost", "127.0.0.1", PUBLIC, "::1"])
@pytest.mark.parametrize("file", ["authority", "bundle"])
def test_a_client_that_trusts_the_authority_is_content(
    certificates: Certificates, name: str, file: str
) -> None:
    assert objection(shake_hands, certificates.server, trusted=getattr(certificates, file), name=name) is None


@pytest.mark.parametrize("name", ["example.test", "a.b.localhost", "127.0.0.2", "evil.aws.example.test"])
def test_no_other_name_is_vouched_for(certificates: Certificates, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid for"):
        shake_hands(certificates.server, trusted=certificates.authority, name=name)


def test_each_run_has_an_authority_of_its_own(certificates: Certificates, tmp_path: Path) -> None:
    other = make_certificates(tmp_path, names=[])
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        shake_hands(other.server, trusted=certificates.authority, name="localhost")


def test_the_server_s_key_is_for_its_owner_and_the_authority_s_is_nowhere(
    certificates: Certificates,
) -> None:
    assert stat.S_IMODE(certificates.server.stat().st_mode) == 0o600
    keys = {
        path.name: path.read_bytes().count(b"PRIVATE KEY") // 2
        for path in certificates.server.parent.iterdir()
    }
    assert keys == {"ca.pem": 0, "bundle.pem": 0, "server.pem": 1}


def test_the_server_s_certificate_cannot_sign_another(certificates: Certificates) -> None:
    found = x509.load_pem_x509_certificate(certificates.server.read_bytes())
    usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert (usage.key_cert_sign, usage.digital_signature) == (False, True)


def test_the_authority_may_sign_servers_and_no_further_authority(certificates: Certificates) -> None:
    found = x509.load_pem_x509_certificate(certificates.authority.read_bytes())
    limits = found.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    assert found.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


@pytest.mark.parametrize("file", ["authority", "server"])
def test_both_are_valid_for_a_clock_that_is_hours_late_and_end_within_a_year(
    certificates: Certificates, file: str
) -> None:
    found = x509.load_pem_x509_certificate(getattr(certificates, file).read_bytes())
    now = datetime.now(UTC)
    assert found.not_valid_before_utc < now - timedelta(hours=23)
    assert now + timedelta(days=300) < found.not_valid_after_utc <= now + timedelta(days=365)


def test_a_name_that_is_given_twice_is_listed_once(certificates: Certificates) -> None:
    found = x509.load_pem_x509_certificate(certificates.server.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [*NAMES[:3], PUBLIC]
    addresses = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    assert names.get_values_for_type(x509.IPAddress) == addresses


def test_children_trust_what_the_machine_trusts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy, say, which pip has to reach."""
    company = make_certificates(tmp_path / "company", names=["pypi.company.test"])
    monkeypatch.setenv("SSL_CERT_FILE", str(company.authority))
    ours = make_certificates(tmp_path / "ours", names=[])
    assert objection(shake_hands, company.server, trusted=ours.bundle, name="pypi.company.test") is None
    assert objection(shake_hands, ours.server, trusted=ours.bundle, name="localhost") is None


def test_without_a_file_of_the_machine_mozilla_s_authorities_are_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = ssl.get_default_verify_paths()._replace(cafile=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    assert trusted_here().count(b"BEGIN CERTIFICATE") > 50
    assert trusted_here().endswith(b"-----\n")


def test_files_of_an_earlier_run_are_written_over(tmp_path: Path) -> None:
    before = make_certificates(tmp_path, names=[]).server.read_bytes()
    again = make_certificates(tmp_path, names=[])
    assert again.server.read_bytes() != before
    shake_hands(again.server, trusted=again.authority, name="localhost")
