//! Quotas: how often, by whom. Each key has a bucket that refills evenly (the generic cell rate
//! algorithm, which needs one time per key), and the number of keys is bounded, so that strangers
//! cannot fill the memory either.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode, header};

use super::Quotas;
use super::problem::Refusal;
use crate::MinerId;

/// The most keys that one quota remembers. A key is forgotten when its bucket is full again.
const MAX_KEYS: usize = 100_000;

/// The quotas of a server.
#[derive(Debug)]
pub(super) struct Meters {
    per_id: Meter<MinerId>,
    per_address: Meter<IpAddr>,
    new_ids: Meter<IpAddr>,
}

impl Meters {
    pub(super) fn new(quotas: Quotas) -> Self {
        Self {
            per_id: Meter::per_hour(quotas.per_id_hour),
            per_address: Meter::per_hour(quotas.per_address_hour),
            new_ids: Meter::per_hour(quotas.new_ids_hour),
        }
    }

    /// An upload from this address, whatever becomes of it.
    pub(super) fn upload(&self, address: IpAddr) -> Result<(), Refusal> {
        charge(&self.per_address, network(address), "uploads from your address")
    }

    /// Takes from a ration what an upload is about to use.
    pub(super) fn take(&self, ration: Ration<'_>) -> Result<(), Refusal> {
        match ration {
            Ration::NewId(address) => {
                charge(&self.new_ids, network(address), "new miner ids from your address")
            }
            Ration::Version(miner_id) => {
                charge(&self.per_id, miner_id.clone(), "versions of this agent")
            }
        }
    }

    /// The upload has come to nothing.
    pub(super) fn give_back(&self, ration: Ration<'_>) {
        match ration {
            Ration::NewId(address) => self.new_ids.give_back(&network(address)),
            Ration::Version(miner_id) => self.per_id.give_back(miner_id),
        }
    }
}

/// What an upload uses up when it is stored.
#[derive(Clone, Copy)]
pub(super) enum Ration<'a> {
    /// A new id, of those from its address.
    NewId(IpAddr),
    /// A new version, of its owner's. Strangers' attempts do not count, or they could lock the owner out.
    Version(&'a MinerId),
}

fn charge<K: Hash + Eq>(meter: &Meter<K>, key: K, what: &str) -> Result<(), Refusal> {
    meter.charge(key, Instant::now()).map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        let detail = format!(
            "there were too many {what} in the past hour ({} are allowed): wait {seconds} s",
            meter.burst
        );
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, detail)
            .with(header::RETRY_AFTER, HeaderValue::from(seconds))
    })
}

/// Whoever has one IPv6 address has a whole network of them.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[derive(Debug)]
struct Meter<K> {
    burst: u32,
    interval: Duration,
    /// When each key's bucket will be full again.
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq> Meter<K> {
    fn per_hour(burst: u32) -> Self {
        let interval = Duration::from_hours(1) / burst.max(1);
        Self { burst, interval, full_at: Mutex::default() }
    }

    /// Takes one from the key's bucket, or says how long to wait for it.
    fn charge(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut keys = self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if keys.len() >= MAX_KEYS {
            keys.retain(|_, full_at| *full_at > now);
        }
        if keys.len() >= MAX_KEYS && !keys.contains_key(&key) {
            return Err(self.interval);
        }
        let full_at = keys.get(&key).copied().unwrap_or(now).max(now) + self.interval;
        let most = now + self.interval * self.burst;
        if full_at > most {
            return Err(full_at - most);
        }
        keys.insert(key, full_at);
        Ok(())
    }

    /// Puts back what was taken.
    fn give_back(&self, key: &K) {
        let mut keys = self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A key that was forgotten meanwhile has a full bucket.
        if let Some(full_at) = keys.get_mut(key) {
            *full_at -= self.interval;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_at_once_and_refills_evenly() {
        let meter = Meter::per_hour(60);
        let start = Instant::now();
        for _ in 0..60 {
            meter.charge("me", start).unwrap();
        }
        assert_eq!(meter.charge("me", start), Err(Duration::from_mins(1)));
        meter.charge("you", start).unwrap();
        let later = start + Duration::from_secs(59);
        assert_eq!(meter.charge("me", later), Err(Duration::from_secs(1)));
        let later = start + Duration::from_mins(2);
        meter.charge("me", later).unwrap();
        meter.charge("me", later).unwrap();
        assert_eq!(meter.charge("me", later), Err(Duration::from_mins(1)));
        meter.give_back(&"me");
        meter.charge("me", later).unwrap();
        assert_eq!(meter.charge("me", later), Err(Duration::from_mins(1)));
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_they_are_forgotten_when_full_again() {
        let meter = Meter::per_hour(1);
        let start = Instant::now();
        for key in 0..MAX_KEYS {
            meter.charge(key, start).unwrap();
        }
        assert!(meter.charge(MAX_KEYS, start).is_err());
        meter.charge(MAX_KEYS, start + Duration::from_hours(1)).unwrap();
        assert_eq!(meter.full_at.lock().unwrap().len(), 1);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
    }
}
