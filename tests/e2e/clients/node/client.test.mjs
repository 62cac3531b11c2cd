// Node's own test runner over @clickhouse/client. Run: CLICKHOUSE_URL=.. node --test client.test.mjs
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { after, test } from "node:test";

import { createClient } from "@clickhouse/client";

const url = process.env.CLICKHOUSE_URL;
const client = createClient({ url });
after(() => client.close());

async function rows(query, options = {}, using = client) {
  const found = await using.query({ query, format: "JSONEachRow", ...options });
  return found.json();
}

async function withTable(columns, work) {
  const name = `t_${randomUUID().replaceAll("-", "")}`;
  await client.command({
    query: `CREATE TABLE ${name} (${columns}) ENGINE = MergeTree ORDER BY tuple()`,
  });
  try {
    await work(name);
  } finally {
    await client.command({ query: `DROP TABLE ${name}` });
  }
}

test("ping", async () => {
  assert.equal((await client.ping()).success, true);
  assert.equal((await client.ping({ select: true })).success, true);
});

const types = [
  ["Int64", "-9223372036854775808"],
  ["UInt8", 255],
  ["Float64", 0.1],
  ["Decimal(9, 2)", 1.5],
  ["String", "it's \\ \t\n \u0000 🙂"],
  ["FixedString(4)", "abcd"],
  ["Bool", true],
  ["Date", "2024-02-29"],
  ["Date32", "1900-01-01"],
  ["DateTime('UTC')", "2024-02-29 12:30:15"],
  ["DateTime64(3, 'Europe/Madrid')", "2024-02-29 12:30:15.123"],
  ["UUID", "61f0c404-5cb3-11e7-907b-a6006ad3dba0"],
  ["Enum8('a' = 1, 'b' = 2)", "b"],
  ["Nullable(Int32)", null],
  ["LowCardinality(String)", "red"],
  ["Array(Float32)", [0.5, -0.5]],
  ["Map(String, UInt8)", { a: 1 }],
  ["Tuple(UInt8, String)", [1, "a"]],
  ["IPv4", "192.168.1.255"],
  ["IPv6", "2001:db8::1"],
  ["JSON", { a: { b: "c" } }],
];
for (const [type, value] of types) {
  test(`inserts and selects ${type}`, () =>
    withTable(`v ${type}`, async (table) => {
      await client.insert({ table, values: [{ v: value }], format: "JSONEachRow" });
      assert.deepEqual(await rows(`SELECT v FROM ${table}`, {
        clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
      }), [{ v: value }]);
    }));
}

test("bound parameters", async () => {
  const params = {
    text: "it's \\ a\ttab\nand a line 🙂",
    number: -5,
    words: ["a'b", "c\\d"],
    vector: Array(600).fill(0.25),
    nothing: null,
  };
  const [row] = await rows(
    "SELECT {text:String} AS text, {number:Int32} AS number, {words:Array(String)} AS words," +
      " {vector:Array(Float32)} AS vector, {nothing:Nullable(String)} AS nothing",
    { query_params: params },
  );
  assert.deepEqual(row, params);
});

test("errors carry code and type", async () => {
  await assert.rejects(rows("SELECT * FROM there_is_none"), { code: "60", type: "UNKNOWN_TABLE" });
  await assert.rejects(rows("SELECT nope"), { code: "47", type: "UNKNOWN_IDENTIFIER" });
});

test("an error in the middle of a stream is an error", async () => {
  const found = await client.query({
    query: "SELECT number, throwIf(number = 900000, 'too far') FROM numbers(1000000)",
    format: "JSONEachRow",
  });
  await assert.rejects(async () => {
    for await (const _block of found.stream()) {
      // read it all
    }
  });
});

for (const compressed of [false, true]) {
  test(`streams 100,000 rows both ways, compressed: ${compressed}`, () =>
    withTable("n UInt32, s String", async (table) => {
      const using = createClient({
        url,
        compression: { request: compressed, response: compressed },
      });
      try {
        function* numbers() {
          for (let n = 0; n < 100_000; n++) yield { n, s: `row ${n}` };
        }
        const inserted = await using.insert({
          table,
          values: Readable.from(numbers(), { objectMode: true }),
          format: "JSONEachRow",
        });
        assert.equal(inserted.summary.written_rows, "100000");
        const found = await using.query({ query: `SELECT * FROM ${table}`, format: "JSONEachRow" });
        let total = 0;
        for await (const block of found.stream()) {
          for (const row of block) total += row.json().n;
        }
        assert.equal(total, (100_000 * 99_999) / 2);
      } finally {
        await using.close();
      }
    }));
}

test("query id, session and settings", async () => {
  const query_id = randomUUID();
  const found = await client.query({ query: "SELECT 1 AS one", format: "JSON", query_id });
  assert.equal(found.query_id, query_id);
  assert.deepEqual((await found.json()).data, [{ one: 1 }]);
  const within = createClient({ url, session_id: randomUUID(), max_open_connections: 1 });
  try {
    await within.command({ query: "SET max_block_size = 1234" });
    const set = "SELECT toUInt32(getSetting('max_block_size')) AS a";
    assert.deepEqual(await rows(set, {}, within), [{ a: 1234 }]);
  } finally {
    await within.close();
  }
});

test("an aborted query is over at once", async () => {
  const stopped = new AbortController();
  const running = rows("SELECT count() AS n FROM numbers(1000000000000) WHERE NOT ignore(number)", {
    abort_signal: stopped.signal,
  });
  setTimeout(() => stopped.abort(), 200);
  await assert.rejects(running);
});
