//! Review a module that handles credentials: digests, tokens, certificates, comparisons.

use crate::prelude::*;

pub fn task() -> Task {
    Task::findings(
        Family::Security,
        "review_credentials",
        "Review of a credentials module",
        LISTING,
    )
}

const LISTING: FileListing = FileListing {
    about: "a module in Python that keeps passwords, tokens and keys",
    kinds: &[
        (
            208,
            "a secret is compared with == or !=, or byte by byte, instead of by hmac.compare_digest",
        ),
        (
            295,
            "a TLS connection is made without verifying the certificate or without checking the name",
        ),
        (338, "a secret is drawn from the module random instead of secrets"),
        (532, "a secret is written to a log or printed"),
        (732, "a file that holds a secret is made readable for everybody"),
        (798, "a secret stands as a literal in the source"),
        (916, "a password is kept as one round of a fast hash function, with or without a salt"),
    ],
    opening: r"
import hashlib
import hmac
import logging
import os
import random
import secrets
import ssl
import string

log = logging.getLogger(__name__)
ROUNDS = 600_000
",
    fillers: &[
        r"
def shuffled(cards):
    cards = list(cards)
    random.shuffle(cards)
    return cards
",
        "ALPHABET = string.ascii_letters + string.digits",
        r#"
def checksum(path):
    with open(path, "rb") as file:
        return hashlib.md5(file.read(), usedforsecurity=False).hexdigest()
"#,
        "# What is below is called by the web server.",
        r"
def is_long(text):
    return len(text) >= 12
",
        r"
class Unknown(Exception):
    pass
",
    ],
    parts: &[
        ListingPart {
            cwe: 208,
            weak: &[
                r"
def check_$a(stored, given):
!   return stored == given
",
                r#"
def check_$a(key, message, given):
    tag = hmac.new(key, message, "sha256").hexdigest()
!   if tag != given:
        raise Unknown("$b")
    return message
"#,
                r"
def check_$a(stored, given):
    if len(stored) != len(given):
        return False
!   return all(x == y for x, y in zip(stored, given))
",
            ],
            sound: &[
                r"
def check_$a(stored, given):
    return hmac.compare_digest(stored, given)
",
                r#"
def check_$a(key, message, given):
    tag = hmac.new(key, message, "sha256").hexdigest()
    if not hmac.compare_digest(tag, given):
        raise Unknown("$b")
    return message
"#,
            ],
        },
        ListingPart {
            cwe: 338,
            weak: &[
                r#"
def new_$a():
!   return "".join(random.choice(ALPHABET) for _ in range(32))
"#,
                r#"
def new_$a(length=16):
!   number = random.getrandbits(8 * length)
    return number.to_bytes(length, "big").hex()
"#,
                r#"
def new_$a():
    letters = string.ascii_lowercase
!   return "-".join(random.sample(letters, 12))
"#,
            ],
            sound: &[
                r#"
def new_$a():
    return "".join(secrets.choice(ALPHABET) for _ in range(32))
"#,
                r"
def new_$a(length=16):
    return secrets.token_hex(length)
",
            ],
        },
        ListingPart {
            cwe: 295,
            weak: &[
                r"
def connect_$b():
    context = ssl.create_default_context()
!   context.check_hostname = False
!   context.verify_mode = ssl.CERT_NONE
    return context
",
                r"
def connect_$b(port=443):
!   context = ssl._create_unverified_context()
    return context, port
",
            ],
            sound: &[
                r"
def connect_$b():
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
",
                r"
def connect_$b(port=443):
    context = ssl.create_default_context()
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    return context, port
",
            ],
        },
        ListingPart {
            cwe: 916,
            weak: &[
                r"
def keep_$c(password):
!   return hashlib.sha256(password.encode()).hexdigest()
",
                r"
def keep_$c(password):
    salt = secrets.token_bytes(16)
!   digest = hashlib.sha512(salt + password.encode()).digest()
    return salt + digest
",
                r"
def keep_$c(password, salt):
    data = salt + password.encode()
!   return hashlib.md5(data).hexdigest()
",
            ],
            sound: &[
                r#"
def keep_$c(password):
    salt = secrets.token_bytes(16)
    return salt + hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
"#,
                r"
def keep_$c(password):
    salt = os.urandom(16)
    return salt + hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
",
            ],
        },
        ListingPart {
            cwe: 532,
            weak: &[
                r#"
def renew_$c(user, password):
!   log.info("renewing for %s with %s", user, password)
    return keep(user, password)
"#,
                r#"
def renew_$c(user):
    token = secrets.token_urlsafe()
!   print(f"{user} has the new token {token}")
    return token
"#,
            ],
            sound: &[
                r#"
def renew_$c(user, password):
    log.info("renewing for %s, %d characters", user, len(password))
    return keep(user, password)
"#,
                r#"
def renew_$c(user):
    token = secrets.token_urlsafe()
    log.info("%s has a new token", user)
    return token
"#,
            ],
        },
        ListingPart {
            cwe: 798,
            weak: &[
                r#"
def sign_$b(message):
!   key = b"c2VjcmV0LWtleS1vZi10aGUtc2hvcA"
    return hmac.new(key, message, "sha256").hexdigest()
"#,
                r#"
def sign_$b(connection):
!   connection.login("$b", password="Tr0ub4dor&3")
    return connection
"#,
            ],
            sound: &[
                r#"
def sign_$b(message):
    key = os.environ["SIGNING_KEY"].encode()
    return hmac.new(key, message, "sha256").hexdigest()
"#,
                r#"
def sign_$b(connection):
    connection.login("$b", password=os.environ["PASSWORD"])
    return connection
"#,
            ],
        },
        ListingPart {
            cwe: 732,
            weak: &[
                r#"
def save_$a(path, secret):
    with open(path, "wb") as file:
        file.write(secret)
!   os.chmod(path, 0o644)
"#,
                r#"
def save_$a(path, secret):
!   handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    with open(handle, "wb") as file:
        file.write(secret)
"#,
            ],
            sound: &[
                r#"
def save_$a(path, secret):
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with open(handle, "wb") as file:
        file.write(secret)
"#,
                r#"
def save_$a(path, secret):
    os.umask(0o077)
    with open(path, "wb") as file:
        file.write(secret)
    os.chmod(path, 0o400)
"#,
            ],
        },
    ],
    closing: r#"
def keep(user, secret):
    log.debug("kept for %s", user)
    return user, hashlib.scrypt(secret.encode(), salt=os.urandom(16), n=2**14, r=8, p=1)
"#,
    names: [
        &["token", "ticket", "key", "code", "cookie", "nonce"],
        &["bank", "mail", "partner", "store", "archive"],
        &["login", "account", "member", "admin", "guest"],
    ],
    planted: 3,
};
