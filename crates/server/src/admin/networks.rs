//! What is reached from some networks only.

use super::{AdminError, By, Expected, Outcome, change_and_tell, digest, expect};
use crate::server::Server;
use metadata::Snapshot;
use model::network::NETWORKS_MAX;
use model::{Network, Origin, Purpose, Reach};
use protocol::admin::AdminAnswer;
use protocol::v1::{NetworkLimits, WireNetwork};

/// What is limited now.
pub(crate) fn limits(snapshot: &dyn Snapshot) -> metadata::Result<NetworkLimits> {
    let reach = snapshot.reach()?;
    let wire = |purpose| reach.networks(purpose).iter().copied().map(WireNetwork).collect();
    Ok(NetworkLimits { administration: wire(Purpose::Administration), guests: wire(Purpose::Guests) })
}

/// Names what is limited, for `ETag`.
pub(crate) fn tag(limits: &NetworkLimits) -> String {
    digest(&format!("{limits:?}"))
}

/// Sets the lists that are given, if what is limited now has one of the expected tags. Nobody takes from themselves what
/// they do it with: who holds the data directory can.
pub(crate) fn set(
    server: &Server,
    by: &By,
    administration: Option<Vec<WireNetwork>>,
    guests: Option<Vec<WireNetwork>>,
    expected: Expected,
) -> Result<NetworkLimits, AdminError> {
    let from = by.principal.map_or(Origin::Inside, |principal| principal.from);
    change_and_tell(server, by, "networks.set", move |transaction, _| {
        let now = limits(transaction.as_snapshot())?;
        expect(expected, || Ok(tag(&now)))?;
        let administration = checked(administration.unwrap_or(now.administration))?;
        let guests = checked(guests.unwrap_or(now.guests))?;
        keeps_in(from, &administration, &guests)?;
        transaction.set_networks(Purpose::Administration, &administration)?;
        transaction.set_networks(Purpose::Guests, &guests)?;
        let details = vec![("administration", spelled(&administration)), ("guests", spelled(&guests))];
        Ok((limits(transaction.as_snapshot())?, details))
    })
}

/// Tells the limits, once those lists are set that are given.
pub(super) fn ask(
    server: &Server,
    by: &By,
    administration: Option<Vec<WireNetwork>>,
    guests: Option<Vec<WireNetwork>>,
) -> Outcome {
    let limits = match (&administration, &guests) {
        (None, None) => metadata::read(&*server.database, limits)?,
        _ => set(server, by, administration, guests, None)?,
    };
    Ok(AdminAnswer::Networks(limits))
}

/// A list that is not too long.
pub(super) fn checked(networks: Vec<WireNetwork>) -> Result<Vec<Network>, AdminError> {
    if networks.len() > NETWORKS_MAX {
        return Err(AdminError::Invalid(format!("a list has at most {NETWORKS_MAX} networks")));
    }
    Ok(networks.into_iter().map(|WireNetwork(network)| network).collect())
}

fn keeps_in(from: Origin, administration: &[Network], guests: &[Network]) -> Result<(), AdminError> {
    let of =
        |purpose, networks: &[Network]| networks.iter().map(move |one| (purpose, *one)).collect::<Vec<_>>();
    let wanted = [of(Purpose::Administration, administration), of(Purpose::Guests, guests)].concat();
    let reach: Reach = wanted.into_iter().collect();
    if reach.administers(from) && !reach.is_guest(from) {
        return Ok(());
    }
    let address = match from {
        Origin::Address(address) => address.to_string(),
        Origin::Inside | Origin::Unknown => "unknown to the server".to_owned(),
    };
    Err(AdminError::Invalid(format!(
        "you would lock yourself out: your address is {address}; on the server's machine \
         `driftless admin networks` sets any"
    )))
}

/// A list as the log has it.
pub(super) fn spelled<N: ToString>(networks: &[N]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
