//! From where somebody asks, and what is limited to some networks.
//!
//! Three things can be: administering the server, a folder, and everything but links (for guests). A limit to no network
//! at all is none. What somebody may not reach from where they are is as if they did not hold it: the facts say so
//! ([`crate::permit::Facts`]), and nothing decides by the address beside them.

use crate::id::FolderId;
use crate::permit::Facts;
use crate::privilege::Privilege;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The most networks of a list.
pub const NETWORKS_MAX: usize = 64;

/// From where somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The server itself, or who holds its data directory: no limit is for them.
    Inside,
    /// From an address of a network.
    Address(IpAddr),
    /// Through a proxy that does not say from where, or says it twice: from nowhere that anything is limited to.
    Unknown,
}

/// A network, such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, or an address and a number of bits, such as 10.0.0.0/8 or fd00::/8")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let one = text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        let network = one.or_else(|_| text.parse::<IpNet>()).map_err(|_| NetworkError)?;
        Ok(Self(network.trunc()))
    }
}

impl Network {
    /// Whether it lies on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0.network().is_loopback() && self.0.broadcast().is_loopback()
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            return self.0.addr().fmt(f);
        }
        self.0.fmt(f)
    }
}

/// What a list of networks is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// From where the server is administered; from everywhere without any.
    Administration,
    /// From where nothing but links is reached; nowhere without any.
    Guests,
    /// From where a folder is reached; from everywhere without any.
    Folder(FolderId),
}

/// What is reached from where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach(BTreeMap<Purpose, Vec<Network>>);

impl FromIterator<(Purpose, Network)> for Reach {
    fn from_iter<I: IntoIterator<Item = (Purpose, Network)>>(networks: I) -> Self {
        let mut lists = BTreeMap::<_, Vec<_>>::new();
        for (purpose, network) in networks {
            lists.entry(purpose).or_default().push(network);
        }
        Self(lists)
    }
}

impl Reach {
    /// The networks of a purpose.
    #[must_use]
    pub fn networks(&self, purpose: Purpose) -> &[Network] {
        self.0.get(&purpose).map_or(&[], Vec::as_slice)
    }

    /// Whether from there nothing but links is reached. Where there are guests at all, who cannot say where they are is one.
    #[must_use]
    pub fn is_guest(&self, from: Origin) -> bool {
        let guests = self.networks(Purpose::Guests);
        match from {
            Origin::Inside => false,
            Origin::Address(address) => guests.iter().any(|network| network.contains(address)),
            Origin::Unknown => !guests.is_empty(),
        }
    }

    /// Whether the server is administered from there.
    #[must_use]
    pub fn administers(&self, from: Origin) -> bool {
        self.allows(Purpose::Administration, from)
    }

    /// Whether a folder is reached from there.
    #[must_use]
    pub fn reaches(&self, folder: FolderId, from: Origin) -> bool {
        self.allows(Purpose::Folder(folder), from)
    }

    /// What is left of what somebody may do with a folder, for who asks from there.
    #[must_use]
    pub fn limit(&self, facts: Facts, folder: FolderId, from: Origin) -> Facts {
        let privilege = if self.reaches(folder, from) { facts.privilege } else { Privilege::None };
        Facts { privilege, administrator: facts.administrator && self.administers(from), ..facts }
    }

    /// Whether nothing is limited for who asks from there.
    #[must_use]
    pub fn is_unlimited(&self, from: Origin) -> bool {
        from == Origin::Inside || self.0.is_empty()
    }

    fn allows(&self, purpose: Purpose, from: Origin) -> bool {
        let networks = self.networks(purpose);
        match from {
            _ if networks.is_empty() => true,
            Origin::Inside => true,
            Origin::Address(address) => networks.iter().any(|network| network.contains(address)),
            Origin::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(lists: &[(Purpose, &str)]) -> Reach {
        lists.iter().map(|(purpose, text)| (*purpose, text.parse().unwrap())).collect()
    }

    fn from(text: &str) -> Origin {
        Origin::Address(text.parse().unwrap())
    }

    #[test]
    fn a_network_is_an_address_or_the_beginning_of_many() {
        let shown = |text: &str| text.parse::<Network>().map(|network| network.to_string());
        assert_eq!(shown("10.1.2.3/8").unwrap(), "10.0.0.0/8");
        assert_eq!(shown("192.0.2.7").unwrap(), "192.0.2.7");
        assert_eq!(shown("::ffff:192.0.2.7").unwrap(), "192.0.2.7");
        assert_eq!(shown("2001:db8::1/32").unwrap(), "2001:db8::/32");
        for bad in
            ["", "10", "10.0.0.0/33", "example.org", "10.0.0.0/8,", " 10.0.0.0/8", "::/129", "1.2.3.4/"]
        {
            assert_eq!(shown(bad), Err(NetworkError), "{bad}");
        }
    }

    #[test]
    fn without_a_limit_everything_is_reached_from_everywhere() {
        for from in [Origin::Inside, Origin::Unknown, from("203.0.113.9"), from("::1")] {
            let reach = Reach::default();
            assert!(reach.administers(from) && reach.reaches(FolderId(1), from) && !reach.is_guest(from));
            assert!(reach.is_unlimited(from));
        }
    }

    #[test]
    fn a_limit_is_for_its_purpose_and_for_everybody_but_the_server_itself() {
        let one = Purpose::Folder(FolderId(1));
        let reach = reach(&[
            (Purpose::Administration, "10.1.0.0/16"),
            (Purpose::Administration, "fd00::/8"),
            (Purpose::Guests, "10.9.0.0/16"),
            (one, "10.2.0.0/16"),
        ]);
        // From where; administers, reaches the one folder, reaches another, is a guest.
        for (from, expected) in [
            (Origin::Inside, [true, true, true, false]),
            (Origin::Unknown, [false, false, true, true]),
            (from("10.1.2.3"), [true, false, true, false]),
            (from("::ffff:10.1.2.3"), [true, false, true, false]),
            (from("fd12::1"), [true, false, true, false]),
            (from("10.2.0.1"), [false, true, true, false]),
            (from("10.9.0.1"), [false, false, true, true]),
            (from("203.0.113.9"), [false, false, true, false]),
        ] {
            let found = [
                reach.administers(from),
                reach.reaches(FolderId(1), from),
                reach.reaches(FolderId(2), from),
                reach.is_guest(from),
            ];
            assert_eq!(found, expected, "{from:?}");
        }
    }
}
