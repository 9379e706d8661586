//! The port's promises.

use crate::OnDisk;

#[test]
fn the_store_on_disk_keeps_the_ports_promises() {
    content::conformance::run(OnDisk::new);
}
