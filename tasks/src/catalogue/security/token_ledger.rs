//! Integer overflow in a ledger (CWE-190): 256-bit arithmetic must not wrap around.

use std::collections::BTreeMap;

use crate::prelude::*;

pub fn task() -> Task {
    Task::class(Family::Security, "token_ledger", "TokenLedger", "Repair: integer overflow")
        .asks_to_repair(
            "Repair the class TokenLedger below, a model of a contract that computes in unsigned \
             numbers of 256 bits, which wrap. Every amount is an int and must be from 0 to \
             2**256 - 1, else ValueError is raised, whatever else is wrong. transfer and burn must raise OverflowError if the sender has less \
             than the amount; batch_transfer if it has less than the amount times the number of \
             receivers; mint if the sum of all balances would exceed 2**256 - 1. These are \
             computed exactly. A call that raises must change nothing. batch_transfer gives the \
             amount to each of the receivers, once for each time it is named; the sender may be \
             one of them. balance and total stay as they are. All four return None.",
            VULNERABLE,
        )
        .solved_by(
            r#"
LIMIT = 2**256


class TokenLedger:
    def __init__(self):
        self.balances = {}

    def _checked(self, amount):
        if not 0 <= amount < LIMIT:
            raise ValueError("not a number of 256 bits")

    def _take(self, sender, amount):
        if self.balance(sender) < amount:
            raise OverflowError("not enough")
        self.balances[sender] = self.balance(sender) - amount

    def mint(self, to, amount):
        self._checked(amount)
        if self.total() + amount >= LIMIT:
            raise OverflowError("too many tokens")
        self.balances[to] = self.balance(to) + amount

    def burn(self, sender, amount):
        self._checked(amount)
        self._take(sender, amount)

    def transfer(self, sender, to, amount):
        self.batch_transfer(sender, [to], amount)

    def batch_transfer(self, sender, receivers, amount):
        self._checked(amount)
        self._take(sender, amount * len(receivers))
        for to in receivers:
            self.balances[to] = self.balance(to) + amount

    def balance(self, who):
        return self.balances.get(who, 0)

    def total(self):
        return sum(self.balances.values())
"#,
        )
        .mutant("the_product_wraps", "amount * len(receivers))", "amount * len(receivers) % LIMIT)")
        .mutant(
            "minting_is_free",
            r#"        if self.total() + amount >= LIMIT:
            raise OverflowError("too many tokens")
"#,
            "",
        )
        .mutant(
            "each_balance_has_its_own_limit",
            "self.total() + amount >= LIMIT",
            "self.balance(to) + amount >= LIMIT",
        )
        .mutant(
            "one_less_than_the_limit",
            "self.total() + amount >= LIMIT",
            "self.total() + amount >= LIMIT - 1",
        )
        .mutant("negative_amounts", "not 0 <= amount < LIMIT", "amount >= LIMIT")
        .mutant("each_receiver_once", "for to in receivers:", "for to in set(receivers):")
        .mutant(
            "takes_before_it_checks",
            "        self._checked(amount)\n        self._take(sender, amount)\n",
            "        self._take(sender, amount)\n        self._checked(amount)\n",
        )
        .example_sequence(
            Sequence::of(())
                .then("mint", ("ann", 5), Value::None)
                .then("transfer", ("ann", "bob", 6), Check::raises("OverflowError"))
                .then(
                    "batch_transfer",
                    ("ann", vec!["bob", "cat"], half()),
                    Check::raises("OverflowError"),
                )
                .then("batch_transfer", ("ann", vec!["bob", "ann"], 2), Value::None)
                .then("balance", ("ann",), 3)
                .then("total", (), 5),
        )
        .sequence("the_limit", edge())
        .generated_sequences(34, attacked, |calls| sequence(calls))
}

const VULNERABLE: &str = r#"
LIMIT = 2**256


class TokenLedger:
    def __init__(self):
        self.balances = {}

    def mint(self, to, amount):
        self.balances[to] = (self.balance(to) + amount) % LIMIT

    def burn(self, sender, amount):
        self.balances[sender] = (self.balance(sender) - amount) % LIMIT

    def transfer(self, sender, to, amount):
        if (self.balance(sender) - amount) % LIMIT < 0:
            raise OverflowError("not enough")
        self.burn(sender, amount)
        self.mint(to, amount)

    def batch_transfer(self, sender, receivers, amount):
        total = amount * len(receivers) % LIMIT
        if self.balance(sender) < total:
            raise OverflowError("not enough")
        self.burn(sender, total)
        for to in receivers:
            self.mint(to, amount)

    def balance(self, who):
        return self.balances.get(who, 0)

    def total(self):
        return sum(self.balances.values())
"#;

fn limit() -> BigInt {
    BigInt::from(1) << 256
}

fn half() -> BigInt {
    BigInt::from(1) << 255
}

fn edge() -> Sequence {
    Sequence::of(())
        .then("burn", ("ann", limit()), Check::raises("ValueError"))
        .then("burn", ("ann", -1), Check::raises("ValueError"))
        .then("mint", ("ann", limit() - 1), Value::None)
        .then("mint", ("bob", 1), Check::raises("OverflowError"))
        .then("mint", ("ann", 0), Value::None)
        .then("batch_transfer", ("bob", Vec::<String>::new(), 7), Value::None)
        .then("burn", ("ann", limit() - 1), Value::None)
        .then("total", (), 0)
}

#[derive(Clone, Debug)]
enum LedgerCall {
    Mint(&'static str, BigInt),
    Burn(&'static str, BigInt),
    Transfer(&'static str, &'static str, BigInt),
    Batch(&'static str, Vec<&'static str>, BigInt),
}

fn calls() -> impl Strategy<Value = LedgerCall> {
    let who = || sample::select(vec!["ann", "bob", "cat"]);
    let amount = || {
        prop_oneof![
            6 => (0_i64..50).prop_map(BigInt::from),
            1 => (-2_i64..0).prop_map(BigInt::from),
            2 => (1_i64..4).prop_map(|n| half() + n),
            1 => (1_i64..4).prop_map(|n| limit() - n),
            1 => (0_i64..4).prop_map(|n| limit() + n),
        ]
    };
    prop_oneof![
        3 => (who(), amount()).prop_map(|(to, amount)| LedgerCall::Mint(to, amount)),
        1 => (who(), amount()).prop_map(|(from, amount)| LedgerCall::Burn(from, amount)),
        3 => (who(), who(), amount()).prop_map(|(from, to, n)| LedgerCall::Transfer(from, to, n)),
        3 => (who(), collection::vec(who(), 0..5), amount())
            .prop_map(|(from, to, n)| LedgerCall::Batch(from, to, n)),
    ]
}

/// Calls of which one is an attack: amounts whose sum is 0 in 256 bits.
fn attacked() -> impl Strategy<Value = Vec<LedgerCall>> {
    let others = collection::vec(calls(), 12..30);
    let receivers = sample::select(vec![vec!["bob", "cat"], vec!["ann", "bob", "cat", "cat"]]);
    (others, receivers, any::<sample::Index>()).prop_map(|(mut calls, receivers, at)| {
        let amount = limit() / receivers.len();
        calls.insert(at.index(calls.len()), LedgerCall::Batch("ann", receivers, amount));
        calls
    })
}

fn sequence(calls: &[LedgerCall]) -> Sequence {
    let mut sequence = Sequence::of(());
    let mut held: BTreeMap<&str, BigInt> = BTreeMap::new();
    for call in calls {
        let (method, from, to, amount) = match call {
            LedgerCall::Mint(to, amount) => ("mint", None, vec![*to], amount),
            LedgerCall::Burn(from, amount) => ("burn", Some(*from), vec![], amount),
            LedgerCall::Transfer(from, to, amount) => ("transfer", Some(*from), vec![*to], amount),
            LedgerCall::Batch(from, to, amount) => {
                ("batch_transfer", Some(*from), to.clone(), amount)
            }
        };
        let zero = BigInt::from(0);
        let total: BigInt = held.values().sum();
        let needed = if method == "burn" { amount.clone() } else { amount * to.len() };
        let enough = match from {
            Some(from) => held.get(from).unwrap_or(&zero) >= &needed,
            None => &total + amount < limit(),
        };
        let check = if *amount < zero || *amount >= limit() {
            Check::raises("ValueError")
        } else if enough {
            if let Some(from) = from {
                *held.entry(from).or_default() -= &needed;
            }
            for to in &to {
                *held.entry(to).or_default() += amount;
            }
            Value::None.into()
        } else {
            Check::raises("OverflowError")
        };
        sequence = match call {
            LedgerCall::Mint(who, amount) | LedgerCall::Burn(who, amount) => {
                sequence.then(method, (*who, amount.clone()), check)
            }
            LedgerCall::Transfer(from, to, amount) => {
                sequence.then(method, (*from, *to, amount.clone()), check)
            }
            LedgerCall::Batch(from, to, amount) => {
                sequence.then(method, (*from, to.clone(), amount.clone()), check)
            }
        };
    }
    for who in ["ann", "bob", "cat"] {
        sequence = sequence.then("balance", (who,), held.get(who).cloned().unwrap_or_default());
    }
    sequence.then("total", (), held.values().sum::<BigInt>())
}
