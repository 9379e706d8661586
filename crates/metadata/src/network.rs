//! What is limited to some networks.

use crate::error::Result;
use model::{Network, Purpose, Reach};

/// Reads of networks.
pub trait ReadNetworks {
    /// Every limit there is.
    fn reach(&self) -> Result<Reach>;
}

/// Changes of networks.
pub trait WriteNetworks {
    /// Sets the networks of a purpose; none: it is not limited.
    fn set_networks(&self, purpose: Purpose, networks: &[Network]) -> Result<()>;
}
