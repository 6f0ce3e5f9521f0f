//! The ports of a cloud's services.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;
use rand::seq::SliceRandom as _;

use crate::credentials::REGIONS;

/// The ports are chosen before any service starts, so that a service can be told another one's address.
pub struct Ports {
    pub postgres: u16,
    pub valkey: u16,
    pub falkordb: [u16; REGIONS.len()],
    pub opensearch: u16,
    pub supabase: u16,
    pub supabase_admin: u16,
    pub stripe: u16,
    pub stripe_admin: u16,
    pub iomete: u16,
    pub mailbox: u16,
    pub smtp: u16,
    pub aws: u16,
    /// The API alone, under the paths that it has at API Gateway.
    pub api: u16,
}

/// Lower ports are often used by well-known services.
const LOWEST_PORT: u16 = 10_000;

/// The first port the kernel gives to outgoing connections, or Linux' default if the kernel reports none that is
/// usable.
fn first_outgoing_port() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    first.filter(|first| *first > LOWEST_PORT + 1_000).unwrap_or(32_768)
}

/// Every port this process has chosen. Its service may not have bound it yet when the next cloud chooses.
static CHOSEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

impl Ports {
    /// Ports that are free right now. They are below the range from which the kernel takes ports for outgoing
    /// connections: one of those could be taken again before its service binds it.
    pub fn choose() -> anyhow::Result<Self> {
        let mut candidates = (LOWEST_PORT..first_outgoing_port()).collect::<Vec<_>>();
        candidates.shuffle(&mut rand::rng());
        let mut chosen = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = || -> anyhow::Result<u16> {
            while let Some(port) = candidates.pop() {
                if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && chosen.insert(port) {
                    return Ok(port);
                }
            }
            bail!("there is no free port on 127.0.0.1")
        };
        Ok(Self {
            postgres: next()?,
            valkey: next()?,
            falkordb: [next()?, next()?, next()?],
            opensearch: next()?,
            supabase: next()?,
            supabase_admin: next()?,
            stripe: next()?,
            stripe_admin: next()?,
            iomete: next()?,
            mailbox: next()?,
            smtp: next()?,
            aws: next()?,
            api: next()?,
        })
    }
}
