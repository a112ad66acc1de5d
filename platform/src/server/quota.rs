//! Quotas on uploads. Each key has a bucket that refills evenly (the generic cell rate algorithm, which needs
//! one time per key). The number of keys is bounded, so that clients cannot fill the memory either.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::http::{HeaderValue, header};

use super::problem::ProblemResponse;
use super::settings::Quotas;
use crate::api::{MinerId, ProblemKind};

/// The maximum number of keys of one quota. A key is forgotten when its bucket is full again.
const MAX_KEYS: usize = 100_000;

/// The quotas of a server.
#[derive(Debug)]
pub(super) struct QuotaMeters {
    per_id: QuotaMeter<MinerId>,
    per_address: QuotaMeter<IpAddr>,
    new_ids: QuotaMeter<IpAddr>,
}

impl QuotaMeters {
    pub(super) fn new(quotas: Quotas) -> Self {
        Self {
            per_id: QuotaMeter::per_hour(quotas.per_id_hour),
            per_address: QuotaMeter::per_hour(quotas.per_address_hour),
            new_ids: QuotaMeter::per_hour(quotas.new_ids_hour),
        }
    }

    /// Charges an upload attempt to this address, whatever its result.
    pub(super) fn upload(&self, address: IpAddr) -> Result<(), ProblemResponse> {
        charge(&self.per_address, network(address), "uploads from your address")
    }

    /// Charges an upload that is about to be stored.
    pub(super) fn take(&self, quota: QuotaUse<'_>) -> Result<(), ProblemResponse> {
        match quota {
            QuotaUse::NewId(address) => {
                charge(&self.new_ids, network(address), "new miner ids from your address")
            }
            QuotaUse::Version(miner_id) => {
                charge(&self.per_id, miner_id.clone(), "versions of this agent")
            }
        }
    }

    /// Returns the state of the quotas of an address, and of a miner's agent.
    pub(super) fn states(&self, address: IpAddr, miner_id: Option<&MinerId>) -> Vec<QuotaState> {
        let (network, now) = (network(address), Instant::now());
        let mut states = vec![
            self.per_address.state("uploads", &network, now),
            self.new_ids.state("new-ids", &network, now),
        ];
        states.extend(miner_id.map(|miner_id| self.per_id.state("versions", miner_id, now)));
        states
    }

    /// Refunds an upload that was not stored.
    pub(super) fn refund(&self, quota: QuotaUse<'_>) {
        match quota {
            QuotaUse::NewId(address) => self.new_ids.refund(&network(address)),
            QuotaUse::Version(miner_id) => self.per_id.refund(miner_id),
        }
    }
}

/// What remains of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuotaState {
    pub(super) name: &'static str,
    pub(super) quota: u32,
    /// The time in which the whole quota refills.
    pub(super) window: Duration,
    pub(super) remaining: u32,
    /// The time after which all of it remains again.
    pub(super) full_in: Duration,
}

/// The quota that a stored upload uses.
#[derive(Clone, Copy)]
pub(super) enum QuotaUse<'a> {
    /// The new ids of an address.
    NewId(IpAddr),
    /// The new versions of an id. Unauthorized attempts do not count: they could lock the owner out.
    Version(&'a MinerId),
}

fn charge<K: Hash + Eq>(meter: &QuotaMeter<K>, key: K, what: &str) -> Result<(), ProblemResponse> {
    meter.charge(key, Instant::now()).map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        let detail =
            format!("too many {what} in the past hour (maximum {}): wait {seconds} s", meter.burst);
        ProblemResponse::new(ProblemKind::QuotaExceeded, detail)
            .with(header::RETRY_AFTER, HeaderValue::from(seconds))
    })
}

/// The IPv6 network of an address: its owner has all the addresses in it.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[derive(Debug)]
struct QuotaMeter<K> {
    burst: u32,
    interval: Duration,
    /// The time at which each key's bucket is full again.
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq> QuotaMeter<K> {
    fn per_hour(burst: u32) -> Self {
        let interval = Duration::from_hours(1) / burst.max(1);
        Self { burst, interval, full_at: Mutex::default() }
    }

    /// Takes one from the key's bucket, or returns how long to wait for it.
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

    fn state(&self, name: &'static str, key: &K, now: Instant) -> QuotaState {
        let keys = self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let full_at = keys.get(key).copied().unwrap_or(now).max(now);
        let full_in = full_at - now;
        let window = self.interval * self.burst;
        let left = window.saturating_sub(full_in).as_nanos() / self.interval.as_nanos().max(1);
        let remaining = u32::try_from(left).unwrap_or(self.burst);
        QuotaState { name, quota: self.burst, window, remaining, full_in }
    }

    /// Returns one to the key's bucket.
    fn refund(&self, key: &K) {
        let mut keys = self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A forgotten key has a full bucket.
        if let Some(full_at) = keys.get_mut(key) {
            *full_at -= self.interval;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_empties_at_once_and_refills_evenly() {
        let meter = QuotaMeter::per_hour(60);
        let start = Instant::now();
        for _ in 0..60 {
            meter.charge("me", start).unwrap();
        }
        assert_eq!(meter.charge("me", start), Err(Duration::from_mins(1)));
        let state = |key, now| {
            let QuotaState { remaining, full_in, .. } = meter.state("x", &key, now);
            (remaining, full_in.as_secs())
        };
        assert_eq!(state("me", start), (0, 3600));
        assert_eq!(state("me", start + Duration::from_secs(90)), (1, 3510));
        assert_eq!(state("you", start), (60, 0));
        meter.charge("you", start).unwrap();
        let later = start + Duration::from_secs(59);
        assert_eq!(meter.charge("me", later), Err(Duration::from_secs(1)));
        let later = start + Duration::from_mins(2);
        meter.charge("me", later).unwrap();
        meter.charge("me", later).unwrap();
        assert_eq!(meter.charge("me", later), Err(Duration::from_mins(1)));
        meter.refund(&"me");
        meter.charge("me", later).unwrap();
        assert_eq!(meter.charge("me", later), Err(Duration::from_mins(1)));
    }

    #[test]
    fn number_of_keys_is_bounded_and_full_buckets_are_forgotten() {
        let meter = QuotaMeter::per_hour(1);
        let start = Instant::now();
        for key in 0..MAX_KEYS {
            meter.charge(key, start).unwrap();
        }
        assert!(meter.charge(MAX_KEYS, start).is_err());
        meter.charge(MAX_KEYS, start + Duration::from_hours(1)).unwrap();
        assert_eq!(meter.full_at.lock().unwrap().len(), 1);
    }

    #[test]
    fn ipv6_network_counts_as_one_address() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
    }
}
