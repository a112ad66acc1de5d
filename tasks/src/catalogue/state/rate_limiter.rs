//! A rate limiter per client with a sliding window.

use std::collections::BTreeMap;

use crate::prelude::*;

pub fn task() -> Task {
    Task::class(Family::State, "rate_limiter", "RateLimiter", "Rate limiter")
        .asks(
            "Implement a class RateLimiter. RateLimiter(limit: int, window: int) allows each \
             client at most limit calls within any window seconds; limit and window are at least \
             1. allow(client: str, now: int) returns True if the client may call at the second \
             now, that is, if fewer than limit calls that were allowed to this client were at a \
             second t with now - window < t; else it returns False. Only allowed calls count. now \
             never decreases. wait(client: str, now: int) returns in how many seconds the client's \
             next call would be allowed, 0 if at once, and is no call itself.",
        )
        .solved_by(
            r"
from collections import defaultdict, deque


class RateLimiter:
    def __init__(self, limit: int, window: int):
        self.limit = limit
        self.window = window
        self.calls = defaultdict(deque)

    def wait(self, client: str, now: int) -> int:
        calls = self.calls[client]
        while calls and calls[0] <= now - self.window:
            calls.popleft()
        if len(calls) < self.limit:
            return 0
        return calls[0] + self.window - now

    def allow(self, client: str, now: int) -> bool:
        allowed = self.wait(client, now) == 0
        if allowed:
            self.calls[client].append(now)
        return allowed
",
        )
        .mutant("window_too_long", "calls[0] <= now", "calls[0] < now")
        .mutant(
            "clients_share",
            "self.calls = defaultdict(deque)",
            "self.calls = defaultdict(lambda shared=deque(): shared)",
        )
        .mutant(
            "refused_calls_count",
            "        if allowed:\n            self.calls",
            "        if True:\n            self.calls",
        )
        .mutant("one_more", "len(calls) < self.limit", "len(calls) <= self.limit")
        .wrong(
            "fixed_windows",
            r"
class RateLimiter:
    def __init__(self, limit, window):
        self.limit, self.window, self.counts = limit, window, {}

    def wait(self, client, now):
        if self.counts.get((client, now // self.window), 0) < self.limit:
            return 0
        return self.window - now % self.window

    def allow(self, client, now):
        if self.wait(client, now):
            return False
        key = client, now // self.window
        self.counts[key] = self.counts.get(key, 0) + 1
        return True
",
        )
        .example_sequence(
            Sequence::of((2, 10))
                .then("allow", ("ann", 1), true)
                .then("allow", ("ann", 4), true)
                .then("allow", ("ann", 9), false)
                .then("wait", ("ann", 9), 2)
                .then("allow", ("bob", 9), true)
                .then("allow", ("ann", 11), true),
        )
        .sequence(
            "the_border",
            Sequence::of((1, 5)).then("allow", ("a", 0), true).then("allow", ("a", 4), false).then(
                "allow",
                ("a", 5),
                true,
            ),
        )
        .generated_sequences(30, calls, |(limit, window, calls)| sequence(*limit, *window, calls))
}

type LimiterCall = (&'static str, i64, bool);

/// Calls of three clients, close enough together that some are refused.
fn calls() -> impl Strategy<Value = (usize, i64, Vec<LimiterCall>)> {
    let client = sample::select(vec!["ann", "bob", "ann", "😀"]);
    let call = (client, 0_i64..4, any::<bool>());
    (1_usize..4, 4_i64..12, collection::vec(call, 25..60))
}

fn sequence(limit: usize, window: i64, calls: &[LimiterCall]) -> Sequence {
    let mut sequence = Sequence::of((limit, window));
    let mut allowed: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut now = 1_000;
    for (client, later, ask_first) in calls {
        now += later;
        let theirs = allowed.entry(client).or_default();
        let counted: Vec<i64> = theirs.iter().copied().filter(|t| now - window < *t).collect();
        let wait = if counted.len() < limit { 0 } else { counted[0] + window - now };
        if *ask_first {
            sequence = sequence.then("wait", (*client, now), wait);
        }
        sequence = sequence.then("allow", (*client, now), wait == 0);
        if wait == 0 {
            theirs.push(now);
        }
    }
    sequence
}
