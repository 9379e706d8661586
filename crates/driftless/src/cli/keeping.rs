//! What keeps the store small.

use super::Common;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct CollectArguments {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Only says what would be freed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long something must have been nobody's before it goes [default: as the server is set]
    #[arg(long, value_name = "HOURS")]
    pub(crate) grace: Option<u32>,
    /// Lets any part of the store go at once, however large
    #[arg(long)]
    pub(crate) any_share: bool,
}
