//! A cache that forgets what was used least recently: the order of reads and writes matters.

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
        .generated_sequences(30, uses, |(capacity, uses)| life(*capacity, uses))
}

#[derive(Clone, Debug)]
enum Use {
    Put(i64, i64),
    Get(i64),
    Keys,
}

fn empty() -> Vec<i64> {
    Vec::new()
}

fn uses() -> impl Strategy<Value = (usize, Vec<Use>)> {
    let one = prop_oneof![
        5 => (0_i64..7, -99_i64..99).prop_map(|(key, value)| Use::Put(key, value)),
        4 => (0_i64..7).prop_map(Use::Get),
        1 => Just(Use::Keys),
    ];
    (1_usize..5, collection::vec(one, 15..50))
}

fn life(capacity: usize, uses: &[Use]) -> Sequence {
    let mut life = Sequence::of((capacity,));
    // The least recently used first.
    let mut held: Vec<(i64, i64)> = Vec::new();
    for one in uses {
        life = match *one {
            Use::Put(key, value) => {
                held.retain(|(other, _)| *other != key);
                held.push((key, value));
                if held.len() > capacity {
                    held.remove(0);
                }
                life.then("put", (key, value), Value::None)
            }
            Use::Get(key) => {
                let found = held.iter().position(|(other, _)| *other == key);
                let value = found.map_or(-1, |place| {
                    let entry = held.remove(place);
                    held.push(entry);
                    entry.1
                });
                life.then("get", (key,), value)
            }
            Use::Keys => life.then("keys", (), keys(&held)),
        };
    }
    life.then("keys", (), keys(&held))
}

fn keys(held: &[(i64, i64)]) -> Vec<i64> {
    held.iter().rev().map(|(key, _)| *key).collect()
}
