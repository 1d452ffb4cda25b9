//! That nothing of a node is written once another has taken its place, seen by the database itself.

use crate::support::cluster::Cluster;

/// With each entry it is written down, right before the commit, as which epoch the connection writes, which its own fence says, and
/// which epoch its node is in. The fence has locked the node's row by then, if it is there.
const WATCH: &str = "
    create table public.written (seq bigint primary key, node integer, epoch bigint, epoch_of_node bigint);
    create function public.watch() returns trigger language plpgsql as $$
    declare
        fence text := (select prosrc from pg_proc where oid = 'pg_temp.begin_group(bigint, bigint)'::regprocedure);
        writer integer := substring(fence from 'id = ([0-9]+)');
    begin
        insert into public.written
        select new.seq, writer, substring(fence from 'epoch = ([0-9]+)')::bigint,
               (select epoch from chatroom.node where id = writer);
        return null;
    end $$;
    create constraint trigger watch after insert on chatroom.event deferrable initially deferred
    for each row execute function public.watch();";

/// From now on.
pub(super) async fn watch(cluster: &Cluster) {
    cluster.run(WATCH).await;
}

/// Every entry was written by the epoch that its node was in.
pub(super) async fn check(cluster: &Cluster) {
    let late = "select string_agg(written::text, ' ') from public.written where epoch is distinct from epoch_of_node";
    assert_eq!(cluster.text(late).await, "", "(seq, node, epoch, the node's)");
    let unseen = "select count(*)::text from chatroom.event left join public.written using (seq)
                  where written.seq is null and event.seq > (select min(seq) from public.written)";
    assert_eq!(cluster.text(unseen).await, "0", "entries that were not watched");
    let epochs = "select count(distinct (node, epoch))::text from public.written";
    println!("written by {} epochs", cluster.text(epochs).await);
}
