//! A least-recently-used cache.

use crate::prelude::*;

pub fn task() -> Task {
    Task::class(Family::State, "lru_cache", "LruCache", "Least recently used cache")
        .asks(
            "Implement a class LruCache. LruCache(capacity: int) makes an empty cache for at most \
             capacity keys, which is at least 1. put(key: int, value: int) stores a value, or \
             replaces the one of a key that is there, and returns None; if the cache then holds \
             more than capacity keys, it forgets the key that was least recently used. get(key: \
             int) returns the value, or -1 if the key is not there. Both put and a get that finds \
             its key count as a use of it. keys() returns the list of the keys, the most recently \
             used first, and uses none.",
        )
        .solved_by(
            r"
from collections import OrderedDict


class LruCache:
    def __init__(self, capacity: int):
        self.capacity = capacity
        self.values = OrderedDict()

    def put(self, key: int, value: int) -> None:
        self.values[key] = value
        self.values.move_to_end(key)
        if len(self.values) > self.capacity:
            self.values.popitem(last=False)

    def get(self, key: int) -> int:
        if key not in self.values:
            return -1
        self.values.move_to_end(key)
        return self.values[key]

    def keys(self) -> list[int]:
        return list(reversed(self.values))
",
        )
        .mutant(
            "get_is_no_use",
            "        self.values.move_to_end(key)\n        return",
            "        return",
        )
        .mutant("put_again_is_no_use", "= value\n        self.values.move_to_end(key)", "= value")
        .mutant("forgets_the_newest", "last=False", "last=True")
        .mutant("holds_one_more", "> self.capacity", "> self.capacity + 1")
        .mutant("forgets_too_early", "> self.capacity", ">= self.capacity")
        .example_sequence(
            Sequence::of((2,))
                .then("put", (1, 10), Value::None)
                .then("put", (2, 20), Value::None)
                .then("get", (1,), 10)
                .then("put", (3, 30), Value::None)
                .then("get", (2,), -1)
                .then("keys", (), vec![3, 1]),
        )
        .sequence("empty", Sequence::of((1,)).then("get", (0,), -1).then("keys", (), empty()))
        .generated_sequences(30, calls, |(capacity, calls)| sequence(*capacity, calls))
}

#[derive(Clone, Debug)]
enum CacheCall {
    Put(i64, i64),
    Get(i64),
    Keys,
}

fn empty() -> Vec<i64> {
    Vec::new()
}

fn calls() -> impl Strategy<Value = (usize, Vec<CacheCall>)> {
    let call = prop_oneof![
        5 => (0_i64..7, -99_i64..99).prop_map(|(key, value)| CacheCall::Put(key, value)),
        4 => (0_i64..7).prop_map(CacheCall::Get),
        1 => Just(CacheCall::Keys),
    ];
    (1_usize..5, collection::vec(call, 15..50))
}

fn sequence(capacity: usize, calls: &[CacheCall]) -> Sequence {
    let mut sequence = Sequence::of((capacity,));
    // Least recently used first.
    let mut held: Vec<(i64, i64)> = Vec::new();
    for call in calls {
        sequence = match *call {
            CacheCall::Put(key, value) => {
                held.retain(|(other, _)| *other != key);
                held.push((key, value));
                if held.len() > capacity {
                    held.remove(0);
                }
                sequence.then("put", (key, value), Value::None)
            }
            CacheCall::Get(key) => {
                let found = held.iter().position(|(other, _)| *other == key);
                let value = found.map_or(-1, |place| {
                    let entry = held.remove(place);
                    held.push(entry);
                    entry.1
                });
                sequence.then("get", (key,), value)
            }
            CacheCall::Keys => sequence.then("keys", (), keys(&held)),
        };
    }
    sequence.then("keys", (), keys(&held))
}

fn keys(held: &[(i64, i64)]) -> Vec<i64> {
    held.iter().rev().map(|(key, _)| *key).collect()
}
