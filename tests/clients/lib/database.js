import pg from 'pg';

/** The address of PostgreSQL, if histories are to be there: see tests/on-postgres. */
const ADDRESS = process.env.TEST_DATABASE;

/** Where the history of one server is, if it is not in its folder: a schema of its own in PostgreSQL. */
export class Schema {
  name = `test_${crypto.randomUUID().replaceAll('-', '_')}`;

  /** @returns {Schema | undefined} */
  static ofAServer() {
    return ADDRESS ? new Schema() : undefined;
  }

  /** @returns {Record<string, string>} How the server is told of it. */
  get settings() {
    return { DATABASE_URL: ADDRESS, DATABASE_SCHEMA: this.name };
  }

  /**
   * @template T
   * @param {(client: pg.Client) => Promise<T>} work
   */
  async use(work) {
    // What is kept as bytes is text as clients have worded it.
    const options = `-c search_path=${this.name} -c bytea_output=escape`;
    const client = new pg.Client({ connectionString: ADDRESS, options });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** All that is in it. */
  text() {
    return this.use(async (client) => {
      const tables = await client.query('select tablename from pg_tables where schemaname = $1', [this.name]);
      const texts = [];
      for (const { tablename } of tables.rows) {
        const rows = await client.query(`select row::text from ${tablename} as row`);
        texts.push(...rows.rows.map(({ row }) => row));
      }
      return texts.join('\n');
    });
  }

  /**
   * Adds rows, which have the same columns in each table. Ids are arrays of bytes.
   *
   * @param {Map<string, Array<Record<string, unknown>>>} tables
   */
  fill(tables) {
    return this.use(async (client) => {
      for (const [table, rows] of tables) {
        const columns = Object.keys(rows[0]).join(', ');
        await client.query(
          `insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, $1)`,
          [JSON.stringify(rows, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value))],
        );
      }
    });
  }

  drop() {
    return this.use((client) => client.query(`drop schema if exists ${this.name} cascade`));
  }
}
