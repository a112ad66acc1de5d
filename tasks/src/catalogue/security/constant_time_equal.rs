//! Timing attacks (CWE-208): the number of bytes read stands for the time.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "constant_time_equal", "Repair: timing-safe comparison")
        .asks_to_repair(
            "Repair the function constant_time_equal(secret: bytes, guess: bytes) -> tuple[bool, \
             int] below. It returns whether the two are equal, and how many bytes of guess it has \
             looked at, which stands for the time that it took. That number must tell nothing \
             about the secret: every byte of guess must be looked at once, whatever the secret is \
             and however long, so the number is always the length of guess. The first value must \
             be a bool. If either argument is not bytes, TypeError must be raised.",
            VULNERABLE,
        )
        .solved_by(
            r#"
def constant_time_equal(secret: bytes, guess: bytes) -> tuple[bool, int]:
    if not isinstance(secret, bytes) or not isinstance(guess, bytes):
        raise TypeError("bytes are wanted")
    difference = len(secret) ^ len(guess)
    looked_at = 0
    for i, byte in enumerate(guess):
        looked_at += 1
        difference |= byte ^ (secret[i % len(secret)] if secret else 1)
    return difference == 0, looked_at
"#,
        )
        .mutant("the_last_byte_counts", "difference |= byte", "difference = byte")
        .mutant("differences_cancel", "difference |= byte", "difference ^= byte")
        .mutant("lengths_do_not_count", "len(secret) ^ len(guess)", "0")
        .mutant("an_int_for_a_bool", "difference == 0, looked", "int(difference == 0), looked")
        .mutant(
            "stops_at_once",
            "    looked_at = 0\n",
            "    looked_at = 0\n    if difference:\n        return False, 0\n",
        )
        .mutant(
            "takes_text_too",
            r#"    if not isinstance(secret, bytes) or not isinstance(guess, bytes):
        raise TypeError("bytes are wanted")
"#,
            r"    if isinstance(secret, str):
        secret, guess = secret.encode(), guess.encode()
",
        )
        .wrong(
            "as_long_as_the_shorter",
            r#"
def constant_time_equal(secret, guess):
    if type(secret) is not bytes or type(guess) is not bytes:
        raise TypeError("bytes are wanted")
    difference, looked_at = len(secret) ^ len(guess), 0
    for x, y in zip(secret, guess):
        looked_at += 1
        difference |= x ^ y
    return difference == 0, looked_at
"#,
        )
        .example((bytes(b"abc"), bytes(b"abd")), compared(b"abc", b"abd"))
        .example((bytes(b"abc"), bytes(b"xbc")), compared(b"abc", b"xbc"))
        .example(("abc", "abc"), Check::raises("TypeError"))
        .case("both_empty", (bytes(b""), bytes(b"")), compared(b"", b""))
        .case("no_secret", (bytes(b""), bytes(b"\x01a")), compared(b"", b"\x01a"))
        .case("no_guess", (bytes(b"a"), bytes(b"")), compared(b"a", b""))
        .case("text", (bytes(b"abc"), "abc"), Check::raises("TypeError"))
        .generated(1, nearly_equal, |(secret, guess)| compared(&secret.0, &guess.0))
        .generated(
            1,
            || (any_bytes(), any_bytes()),
            |(secret, guess)| compared(&secret.0, &guess.0),
        )
        .generated(
            1,
            || any_bytes().prop_map(|same| (same.clone(), same)),
            |(secret, guess)| compared(&secret.0, &guess.0),
        )
        .generated(1, beginnings, |(secret, guess)| compared(&secret.0, &guess.0))
        .groups(24)
}

const VULNERABLE: &str = r"
def constant_time_equal(secret: bytes, guess: bytes) -> tuple[bool, int]:
    looked_at = 0
    for x, y in zip(secret, guess):
        looked_at += 1
        if x != y:
            return False, looked_at
    return len(secret) == len(guess), looked_at
";

fn bytes(bytes: &[u8]) -> Bytes {
    Bytes(bytes.to_vec())
}

fn any_bytes() -> impl Strategy<Value = Bytes> {
    collection::vec(any::<u8>(), 1..24).prop_map(Bytes)
}

/// Changes two bytes of the secret in the same way, but never the last one.
fn nearly_equal() -> impl Strategy<Value = (Bytes, Bytes)> {
    let drawn = (collection::vec(any::<u8>(), 4..24), any::<[sample::Index; 2]>(), 1_u8..);
    drawn.prop_map(|(secret, places, change)| {
        let mut guess = secret.clone();
        for place in places {
            let place = place.index(secret.len() - 1);
            guess[place] = secret[place] ^ change;
        }
        (Bytes(secret), Bytes(guess))
    })
}

/// Pairs in which one is a prefix of the other.
fn beginnings() -> impl Strategy<Value = (Bytes, Bytes)> {
    let drawn = (collection::vec(any::<u8>(), 4..24), any::<sample::Index>(), any::<bool>());
    drawn.prop_map(|(whole, end, guess_is_longer)| {
        let start = Bytes(whole[..end.index(whole.len())].to_vec());
        if guess_is_longer { (start, Bytes(whole)) } else { (Bytes(whole), start) }
    })
}

fn compared(secret: &[u8], guess: &[u8]) -> Check {
    Check::exact((secret == guess, guess.len()))
}
