//! A bank account with a history, on which a call that raises must change nothing.

use crate::prelude::*;

pub fn task() -> Task {
    Task::class(Family::State, "bank_account", "BankAccount", "Bank account")
        .asks(
            "Implement a class BankAccount. BankAccount(limit: int) opens an account with balance \
             0 that may be overdrawn by at most limit; a negative limit raises ValueError. \
             deposit(amount: int) adds to the balance, and withdraw(amount: int) takes from it; \
             both return the new balance. An amount that is not positive raises ValueError. \
             withdraw raises RuntimeError if the balance would fall below -limit. undo() takes \
             back the last deposit or withdrawal that was not taken back yet and returns the new \
             balance; it raises IndexError if there is none, and never fails because of the limit. \
             A call that raises changes nothing. history() returns a list of the amounts that \
             count, oldest first, withdrawals as negative numbers.",
        )
        .solved_by(
            r#"
class BankAccount:
    def __init__(self, limit: int):
        if limit < 0:
            raise ValueError("negative limit")
        self.limit = limit
        self.amounts = []

    def _book(self, amount):
        self.amounts.append(amount)
        return sum(self.amounts)

    def deposit(self, amount: int) -> int:
        if amount <= 0:
            raise ValueError("not positive")
        return self._book(amount)

    def withdraw(self, amount: int) -> int:
        if amount <= 0:
            raise ValueError("not positive")
        if sum(self.amounts) - amount < -self.limit:
            raise RuntimeError("overdrawn")
        return self._book(-amount)

    def undo(self) -> int:
        self.amounts.pop()
        return sum(self.amounts)

    def history(self) -> list[int]:
        return list(self.amounts)
"#,
        )
        .mutant("no_overdraft", "< -self.limit", "< 0")
        .mutant("one_less_is_allowed", "< -self.limit", "<= -self.limit")
        .mutant("undo_forgets_the_first", "self.amounts.pop()", "self.amounts.pop(0)")
        .mutant(
            "books_before_it_refuses",
            "        if sum(self.amounts) - amount < -self.limit:",
            "        if self._book(-amount) < -self.limit:",
        )
        .mutant(
            "history_forgets_the_signs",
            "return list(self.amounts)",
            "return [abs(a) for a in self.amounts]",
        )
        .example_sequence(
            Sequence::of((50,))
                .then("deposit", (100,), 100)
                .then("withdraw", (150,), -50)
                .then("withdraw", (1,), Check::raises("RuntimeError"))
                .then("undo", (), 100)
                .then("history", (), vec![100]),
        )
        .case("negative_limit", (-1,), Check::raises("ValueError"))
        .sequence(
            "nothing_to_undo",
            Sequence::of((0,)).then("undo", (), Check::raises("IndexError")),
        )
        .generated_sequences(30, calls, |(limit, calls)| sequence(*limit, calls))
}

#[derive(Clone, Debug)]
enum AccountCall {
    Deposit(i64),
    Withdraw(i64),
    WithdrawAll,
    Undo,
    History,
}

fn calls() -> impl Strategy<Value = (i64, Vec<AccountCall>)> {
    let call = prop_oneof![
        4 => (-5_i64..200).prop_map(AccountCall::Deposit),
        5 => (-5_i64..250).prop_map(AccountCall::Withdraw),
        2 => Just(AccountCall::WithdrawAll),
        3 => Just(AccountCall::Undo),
        1 => Just(AccountCall::History),
    ];
    (1_i64..300, collection::vec(call, 12..40))
}

fn sequence(limit: i64, calls: &[AccountCall]) -> Sequence {
    let mut sequence = Sequence::of((limit,));
    let mut amounts: Vec<i64> = Vec::new();
    for call in calls {
        let balance: i64 = amounts.iter().sum();
        let (method, amount) = match *call {
            AccountCall::Deposit(amount) => ("deposit", amount),
            AccountCall::Withdraw(amount) => ("withdraw", amount),
            AccountCall::WithdrawAll => ("withdraw", balance + limit),
            AccountCall::Undo => {
                let check = amounts
                    .pop()
                    .map_or(Check::raises("IndexError"), |last| (balance - last).into());
                sequence = sequence.then("undo", (), check);
                continue;
            }
            AccountCall::History => {
                sequence = sequence.then("history", (), amounts.clone());
                continue;
            }
        };
        let change = if method == "deposit" { amount } else { -amount };
        let check = if amount <= 0 {
            Check::raises("ValueError")
        } else if balance + change < -limit && change < 0 {
            Check::raises("RuntimeError")
        } else {
            amounts.push(change);
            (balance + change).into()
        };
        sequence = sequence.then(method, (amount,), check);
    }
    sequence.then("withdraw", (1_000_000,), Check::raises("RuntimeError")).then(
        "history",
        (),
        amounts,
    )
}
