//! Any octets as a list of networks, in MaxMind's format or as CSV: it is taken or refused, and what was taken can be
//! looked up.

#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use etiage_aggregator::networks::NetworksBuilder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    for is_csv in [false, true] {
        let mut builder = NetworksBuilder::default();
        let taken = if is_csv { builder.csv(octets) } else { builder.mmdb(octets) };
        match taken {
            Ok(()) => {
                let networks = builder.build();
                networks.look_up(Ipv4Addr::new(192, 0, 2, 1).into());
                networks.look_up(Ipv6Addr::LOCALHOST.into());
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
