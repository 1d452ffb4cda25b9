//! The disk that PostgreSQL writes to is full, and the class goes on as with a file.

use chatroom_testkit::Postgres;

use crate::disk::{Class, Disk, Pair, RECOVERY, check_all_is_kept, goes_on};
use crate::support::database::Schema;
use crate::support::history::History;

/// What a new PostgreSQL takes, with as much of its log as it keeps.
const SIZE: &str = "192m";

#[tokio::test]
async fn a_full_disk_of_postgresql() {
    let disk = Disk::of_size(SIZE);
    assert!(
        disk.is_mounted,
        "only root may mount the small disk that this test fills"
    );
    let postgres = Postgres::within(disk.path());
    let schema = Schema::in_server(&postgres).await;
    let server = Class::run(&disk, &schema.variables());
    let mut class = Class { server, disk };
    let mut pair = Pair::join(class.server.port).await;
    let healthy = pair.latency().await;
    class.disk.fill(&class.server);
    let joined = goes_on(&class, &mut pair, healthy).await;
    class.disk.free(&class.server);
    class.wait_for_readiness(200, RECOVERY).await;
    class.server.signal("TERM");
    assert_eq!(class.server.exit_code(), Some(0));
    let mut history = History::of_schema(&schema).await;
    history.check().await;
    check_all_is_kept(&mut history, joined).await;
}
