//! What is chosen over HTTP and kept in the database.

use super::{AdminError, By, Expected, change, expect};
use crate::chosen;
use crate::server::Server;
use protocol::v1::ChosenSettings;

/// Chooses, if what is chosen now has one of the expected tags; none: whatever it is.
pub(crate) fn set(
    server: &Server,
    by: &By,
    wanted: ChosenSettings,
    expected: Expected,
) -> Result<ChosenSettings, AdminError> {
    let wanted = chosen::checked(wanted).map_err(|fault| AdminError::Invalid(fault.to_owned()))?;
    let details = [(chosen::PUBLIC_ADDRESS, wanted.public_address.clone().unwrap_or_default())];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    change(server, by, "settings.change", &details, move |transaction, _| {
        let now = chosen::chosen(transaction.as_snapshot())?;
        expect(expected, || Ok(chosen::tag(&now)))?;
        chosen::choose(transaction, &wanted)?;
        Ok(wanted)
    })
}
