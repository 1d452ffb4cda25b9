//! Two servers of PostgreSQL, of which the second follows the first and takes its place.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use chatroom_testkit::{Postgres, postgres_url};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

use crate::support::cluster::Cluster;

/// A primary with a streaming standby, and one address that leads to whichever of them is to be reached.
pub(crate) struct Pair {
    primary: Postgres,
    standby: PgConnectOptions,
    /// Its socket is a link to that of one of them.
    address: TempDir,
}

impl Pair {
    /// What the primary says is written is at the standby, too, if it is synchronous.
    pub(crate) async fn new(is_synchronous: bool) -> (Self, Cluster) {
        let primary = Postgres::own(&[]);
        primary.replicate();
        let mut cluster = Cluster::on(&primary).await;
        let own = cluster.database.clone();
        let standby = own.clone().database("postgres").port(own.get_port() + 1);
        let address = tempfile::tempdir_in("/tmp").unwrap();
        cluster.database = own.clone().socket(address.path());
        cluster.url = postgres_url(&cluster.database);
        let pair = Self {
            primary,
            standby,
            address,
        };
        pair.lead_to(&own);
        cluster
            .until(
                "select count(*)::text from pg_stat_replication where state = 'streaming'",
                "1",
            )
            .await;
        if is_synchronous {
            let set = "alter system set synchronous_standby_names = '*'";
            pair.primary.execute(set.to_owned()).await;
            pair.primary.execute("select pg_reload_conf()".to_owned()).await;
            cluster
                .until(
                    "select count(*)::text from pg_stat_replication where sync_state = 'sync'",
                    "1",
                )
                .await;
        }
        (pair, cluster)
    }

    /// The address of the standby, as people write it.
    pub(crate) fn standby_url(&self, cluster: &Cluster) -> String {
        let name = cluster.database.get_database().unwrap();
        postgres_url(&self.standby.clone().database(name))
    }

    /// What is written gets to the standby, and is not seen there until [`Pair::catch_up`].
    pub(crate) async fn fall_behind(&self) {
        ask(&self.standby, "select pg_wal_replay_pause()").await;
        let stands = "do $$ begin while pg_get_wal_replay_pause_state() <> 'paused' loop perform pg_sleep(0.01); end loop; end $$";
        ask(&self.standby, stands).await;
    }

    /// The standby goes on.
    pub(crate) async fn catch_up(&self) {
        ask(&self.standby, "select pg_wal_replay_resume()").await;
    }

    /// What was written is at the standby, and what is written from now on never gets there.
    pub(crate) async fn part(&self, cluster: &Cluster) {
        let now = cluster.text("select pg_current_wal_lsn()::text").await;
        let has_all = format!("select bool_and(flush_lsn >= '{now}')::text from pg_stat_replication");
        cluster.until(&has_all, "true").await;
        ask(&self.standby, "alter system set primary_conninfo = ''").await;
        ask(&self.standby, "select pg_reload_conf()").await;
        cluster
            .until("select count(*)::text from pg_stat_replication", "0")
            .await;
    }

    /// The primary is killed, and the standby takes its place.
    pub(crate) async fn fail_over(&self) {
        self.primary.kill();
        let killed = Instant::now();
        ask(&self.standby, "select pg_promote()::text").await;
        self.lead_to(&self.standby);
        println!("the standby has the place after {:?}", killed.elapsed());
    }

    fn lead_to(&self, server: &PgConnectOptions) {
        let socket = |port| format!(".s.PGSQL.{port}");
        let target = self.standby.get_socket().unwrap().join(socket(server.get_port()));
        let link = self.address.path().join(socket(self.standby.get_port() - 1));
        let fresh = self.address.path().join("fresh");
        symlink(target, &fresh).unwrap();
        std::fs::rename(fresh, link).unwrap();
    }
}

/// As soon as the server lets anybody in.
async fn ask(server: &PgConnectOptions, sql: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut connection = loop {
        match server.connect().await {
            Ok(connection) => break connection,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::query(sql).execute(&mut connection).await.unwrap();
}
