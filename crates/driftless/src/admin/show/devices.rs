//! Devices: linked, and waiting to be.

use super::head;
use crate::output;
use protocol::admin::DeviceEntry;
use protocol::v1::{DeviceWipe, WaitingDevice};

pub(super) fn list(devices: Vec<DeviceEntry>, waiting: Vec<WaitingDevice>) {
    let mut rows = vec![head(&["ID", "USER", "NAME", "LAST USE", ""])];
    rows.extend(devices.into_iter().map(|device| {
        let last_use = device.last_use.map_or_else(|| "never".to_owned(), |time| time.0.to_string());
        let wipe = device.wipe.as_ref().map(order).unwrap_or_default();
        vec![device.id.to_string(), device.user, device.name, last_use, wipe]
    }));
    output::table(&rows);
    if waiting.is_empty() {
        return;
    }
    let mut rows = vec![head(&["WAITING CODE", "NAME", "SYSTEM", "ADDRESS", "UNTIL"])];
    rows.extend(waiting.into_iter().map(|waiting| {
        vec![waiting.user_code, waiting.device, waiting.platform, waiting.address, waiting.ends.0.to_string()]
    }));
    output::line("");
    output::table(&rows);
}

fn order(wipe: &DeviceWipe) -> String {
    match &wipe.done {
        Some(done) => format!("wiped {}: {} files removed, {} kept", done.0, wipe.removed, wipe.kept),
        None => format!("to be wiped since {}", wipe.ordered.0),
    }
}

pub(super) fn decided(waiting: &WaitingDevice) {
    output::line(&format!("{} ({}, at {})", waiting.device, waiting.platform, waiting.address));
}
