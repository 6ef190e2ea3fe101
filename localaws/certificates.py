"""A certificate authority of localaws' own, for one run, and the certificate that it signs for the server.

Two certificates, because some clients (rustls) refuse a server that shows an authority's. The authority's key
is forgotten once it has signed: nobody can sign another with it.
"""

import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "*.localhost", "*.s3.localhost", "127.0.0.1")
"""What clients on this machine call localaws. OpenSSL wants two dots behind a `*`: for it, the third name."""
VALID = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """The files of one run."""

    authority: Path
    """What a client has to trust (PEM)."""
    bundle: Path
    """The authority, and those that this machine trusts: for children, which may know no other."""
    server: Path
    """The server's key and certificate."""


def make_certificates(folder: Path, *, names: Iterable[str]) -> Certificates:
    """Write a new authority, and a certificate for NAMES and `names`, below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Certificates(
        authority=folder / "ca.pem", bundle=folder / "bundle.pem", server=folder / "server.pem"
    )
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = sign_authority(authority_key)
    certificate = sign_server(key.public_key(), names=[*NAMES, *names], issuer=authority, by=authority_key)
    authority_pem = authority.public_bytes(serialization.Encoding.PEM)
    files.authority.write_bytes(authority_pem)
    files.bundle.write_bytes(trusted_here() + authority_pem)
    files.server.touch(mode=0o600)
    files.server.write_bytes(as_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
    return files


def sign_authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Return an authority's certificate, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localaws, for one run")])
    usage = key_usage(signs_certificates=True)
    limits = x509.BasicConstraints(ca=True, path_length=0)
    return (
        begin(name, key.public_key(), issuer=name, issuer_key=key)
        .add_extension(limits, critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def sign_server(
    public_key: ec.EllipticCurvePublicKey,
    *,
    names: Iterable[str],
    issuer: x509.Certificate,
    by: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Return the certificate of a server that is called by these names and addresses."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localaws")])
    called = x509.SubjectAlternativeName([as_general_name(each) for each in dict.fromkeys(names)])
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        begin(name, public_key, issuer=issuer.subject, issuer_key=by)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(purpose, critical=False)
        .add_extension(called, critical=False)
        .sign(by, hashes.SHA256())
    )


def begin(
    name: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    *,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """Return what both certificates have; it begins a day ago, for clocks that are late."""
    begun = datetime.now(UTC) - timedelta(days=1)
    own = x509.SubjectKeyIdentifier.from_public_key(public_key)
    issuers = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(begun + VALID)
        .add_extension(own, critical=False)
        .add_extension(issuers, critical=False)
    )


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Return what a key may be used for: to sign certificates, or what a handshake holds."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def as_general_name(name: str) -> x509.GeneralName:
    """Return a host name or an address as a certificate has it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def as_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def trusted_here() -> bytes:
    """Return the authorities that this machine trusts (SSL_CERT_FILE first), or else Mozilla's."""
    path = ssl.get_default_verify_paths().cafile or certifi.where()
    return Path(path).read_bytes().rstrip() + b"\n"
