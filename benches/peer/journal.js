// How the durable peers write: what one turn of the event loop brought is committed as one group, and told then. The
// same promises as chatroom-server's: WAL, a sync for each commit, foreign keys.

import Database from "better-sqlite3";

/** Opens a history of these tables: what `tables` makes of the database, and how it says what is on disk. */
export const open = ({ prepare }, file) => {
  const database = new Database(file);
  for (const pragma of [
    "journal_mode = wal",
    "synchronous = full",
    "foreign_keys = on",
    // As in chatroom-server: fewer copies of what changes often into the database, and room for busy pages.
    "wal_autocheckpoint = 3000",
    "cache_size = -8000",
    "temp_store = memory",
  ]) {
    database.pragma(pragma);
  }
  const tables = prepare(database);
  const [begin, commit] = ["begin immediate", "commit"].map((sql) => database.prepare(sql));

  let isOpen = false;
  let waiting = [];

  const write = () => {
    tables.groupEnds?.();
    commit.run();
    isOpen = false;
    const told = waiting;
    waiting = [];
    for (const words of told) words();
  };

  /** Lets a change of this turn be one of its group's. */
  const inGroup =
    (change) =>
    (...args) => {
      if (!isOpen) {
        isOpen = true;
        begin.run();
        setImmediate(write);
      }
      return change(...args);
    };

  return {
    started: inGroup(tables.started),
    joined: inGroup(tables.joined),
    left: inGroup(tables.left),
    ended: inGroup(tables.ended),
    say: (words) => (isOpen ? waiting.push(words) : words()),
  };
};
