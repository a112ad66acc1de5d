//! Reentrancy (CWE-841): the recipient of a payment can call again before the balance is reduced.

use std::collections::BTreeMap;

use crate::prelude::*;

pub fn task() -> Task {
    Task::class(Family::Security, "vault", "Vault", "Repair: reentrancy")
        .asks_to_repair(
            "Repair the class Vault below, a model of a contract. Whoever is paid by withdraw may \
             call the vault again before withdraw has returned; set_hook says what an account does \
             then: the action 'withdraw' withdraws the same amount again, any other action is the \
             name of an account to which it transfers the same amount; it does so for its next \
             `times` payments. No account may ever take out or pass on more than it has. A call \
             from a hook is a call like any other: it succeeds if the balance that is then left is \
             enough, else it raises ValueError, which the hook swallows. What the methods do \
             outside of that, and set_hook and _pay, must stay as they are. Amounts are 1 or more.",
            VULNERABLE,
        )
        .solved_by(&VULNERABLE.replace(GIVEN, REPAIRED))
        .mutant("books_in_the_wrong_order_after_all", REPAIRED, GIVEN)
        .mutant(
            "gives_all_away",
            REPAIRED,
            "        self.balances[who] = 0\n        self._pay(who, amount)\n",
        )
        .mutant("refuses_every_call_from_a_hook", REPAIRED, LOCKED)
        .mutant("forgets_to_book", REPAIRED, "        self._pay(who, amount)\n")
        .mutant(
            "transfers_without_looking",
            r#"        if self.balance(who) < amount:
            raise ValueError("not enough")
        self.balances[who] -= amount
        self.deposit"#,
            "        self.balances[who] = self.balance(who) - amount\n        self.deposit",
        )
        .mutant(
            "books_twice",
            REPAIRED,
            r"        self.balances[who] -= amount
        self._pay(who, amount)
        self.balances[who] = max(0, self.balances[who] - amount)
",
        )
        .example_sequence(
            Sequence::of(())
                .then("deposit", ("ann", 10), Value::None)
                .then("deposit", ("eve", 10), Value::None)
                .then("set_hook", ("eve", "withdraw", 1), Value::None)
                .then("withdraw", ("eve", 10), Value::None)
                .then("report", ("eve",), vec![0, 10])
                .then("report", ("ann",), vec![10, 0]),
        )
        .sequence(
            "a_hook_may_take_what_is_left",
            Sequence::of(())
                .then("deposit", ("ann", 9), Value::None)
                .then("set_hook", ("ann", "withdraw", 5), Value::None)
                .then("withdraw", ("ann", 4), Value::None)
                .then("report", ("ann",), vec![1, 8]),
        )
        .generated_sequences(34, attacked, |calls| sequence(calls))
}

const VULNERABLE: &str = r#"
class Vault:
    def __init__(self):
        self.balances = {}
        self.paid = {}
        self.hooks = {}

    def deposit(self, who, amount):
        self.balances[who] = self.balance(who) + amount

    def transfer(self, who, to, amount):
        if self.balance(who) < amount:
            raise ValueError("not enough")
        self.balances[who] -= amount
        self.deposit(to, amount)

    def withdraw(self, who, amount):
        if self.balance(who) < amount:
            raise ValueError("not enough")
        self._pay(who, amount)
        self.balances[who] -= amount

    def set_hook(self, who, action, times):
        self.hooks[who] = (action, times)

    def _pay(self, who, amount):
        self.paid[who] = self.paid.get(who, 0) + amount
        action, times = self.hooks.get(who, ("", 0))
        if times == 0:
            return
        self.hooks[who] = (action, times - 1)
        try:
            if action == "withdraw":
                self.withdraw(who, amount)
            else:
                self.transfer(who, action, amount)
        except ValueError:
            pass

    def balance(self, who):
        return self.balances.get(who, 0)

    def report(self, who):
        return [self.balance(who), self.paid.get(who, 0)]
"#;

const GIVEN: &str = "        self._pay(who, amount)\n        self.balances[who] -= amount\n";

const REPAIRED: &str = "        self.balances[who] -= amount\n        self._pay(who, amount)\n";

const LOCKED: &str = r#"        if getattr(self, "locked", False):
            raise ValueError("locked")
        self.locked = True
        try:
            self.balances[who] -= amount
            self._pay(who, amount)
        finally:
            self.locked = False
"#;

const ACCOUNTS: [&str; 3] = ["ann", "bob", "eve"];

#[derive(Clone, Debug)]
enum VaultCall {
    Deposit(&'static str, i64),
    Transfer(&'static str, &'static str, i64),
    Withdraw(&'static str, i64),
    WithdrawAll(&'static str),
    Hook(&'static str, &'static str, u32),
}

fn calls() -> impl Strategy<Value = VaultCall> {
    let who = || sample::select(ACCOUNTS.to_vec());
    let action = sample::select(vec!["withdraw", "withdraw", "ann", "bob", "eve"]);
    prop_oneof![
        3 => (who(), 5_i64..40).prop_map(|(who, amount)| VaultCall::Deposit(who, amount)),
        2 => (who(), who(), 1_i64..15).prop_map(|(who, to, n)| VaultCall::Transfer(who, to, n)),
        4 => (who(), 1_i64..20).prop_map(|(who, amount)| VaultCall::Withdraw(who, amount)),
        3 => (who(), action, 1_u32..5).prop_map(|(who, action, n)| VaultCall::Hook(who, action, n)),
    ]
}

/// Calls of which some are an attack: an account with a hook withdraws all that it has.
fn attacked() -> impl Strategy<Value = Vec<VaultCall>> {
    let others = || collection::vec(calls(), 4..14);
    let action = sample::select(vec!["withdraw", "bob", "eve"]);
    (others(), others(), action, 5_i64..40, 1_u32..3).prop_map(
        |(mut before, after, action, amount, times)| {
            before.extend([
                VaultCall::Deposit("ann", amount),
                VaultCall::Hook("ann", action, times),
                VaultCall::WithdrawAll("ann"),
            ]);
            before.into_iter().chain(after).collect()
        },
    )
}

#[derive(Default)]
struct VaultModel {
    balances: BTreeMap<&'static str, i64>,
    paid: BTreeMap<&'static str, i64>,
    hooks: BTreeMap<&'static str, (&'static str, u32)>,
}

impl VaultModel {
    /// Reduces the balance; returns whether it was sufficient.
    fn take(&mut self, who: &'static str, amount: i64) -> bool {
        let balance = self.balances.entry(who).or_default();
        let enough = *balance >= amount;
        if enough {
            *balance -= amount;
        }
        enough
    }

    fn transfer(&mut self, who: &'static str, to: &'static str, amount: i64) -> bool {
        let enough = self.take(who, amount);
        if enough {
            *self.balances.entry(to).or_default() += amount;
        }
        enough
    }

    fn withdraw(&mut self, who: &'static str, amount: i64) -> bool {
        let enough = self.take(who, amount);
        if enough {
            *self.paid.entry(who).or_default() += amount;
            match self.hooks.get_mut(who) {
                Some((action, times)) if *times > 0 => {
                    *times -= 1;
                    let action = *action;
                    if action == "withdraw" {
                        self.withdraw(who, amount);
                    } else {
                        self.transfer(who, action, amount);
                    }
                }
                _ => {}
            }
        }
        enough
    }
}

fn sequence(calls: &[VaultCall]) -> Sequence {
    let mut sequence = Sequence::of(());
    let mut model = VaultModel::default();
    let outcome =
        |enough: bool| if enough { Value::None.into() } else { Check::raises("ValueError") };
    for call in calls {
        sequence = match *call {
            VaultCall::Deposit(who, amount) => {
                *model.balances.entry(who).or_default() += amount;
                sequence.then("deposit", (who, amount), Value::None)
            }
            VaultCall::Transfer(who, to, amount) => sequence.then(
                "transfer",
                (who, to, amount),
                outcome(model.transfer(who, to, amount)),
            ),
            VaultCall::Withdraw(who, amount) => {
                sequence.then("withdraw", (who, amount), outcome(model.withdraw(who, amount)))
            }
            VaultCall::WithdrawAll(who) => {
                let amount = model.balances.get(who).copied().unwrap_or(0);
                sequence.then("withdraw", (who, amount), outcome(model.withdraw(who, amount)))
            }
            VaultCall::Hook(who, action, times) => {
                model.hooks.insert(who, (action, times));
                sequence.then("set_hook", (who, action, times), Value::None)
            }
        };
    }
    ACCOUNTS.iter().fold(sequence, |sequence, who| {
        let of = |held: &BTreeMap<&str, i64>| held.get(who).copied().unwrap_or(0);
        sequence.then("report", (*who,), vec![of(&model.balances), of(&model.paid)])
    })
}
