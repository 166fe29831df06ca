// Two requests look a tag up and create it: the log that Knex writes of it. usage: node knex_recipe.js DATABASE LOG
const [database, log] = process.argv.slice(2);
const knex = require("knex")({ client: "pg", connection: database });

// recipe: where the tests connect
const fs = require("fs");
knex.on("query", (query) => {
  const { __knexUid, __knexTxId, sql, bindings } = query;
  fs.appendFileSync(log, JSON.stringify({ time: new Date().toISOString(), __knexUid, __knexTxId, sql, bindings }) + "\n");
});
// end

async function main() {
  await knex.schema.dropTableIfExists("knex_tag");
  await knex.schema.createTable("knex_tag", (table) => {
    table.increments("id");
    table.string("name").notNullable();
  });
  for (const name of ["blue", "green"]) {
    const found = await knex("knex_tag").where({ name }).first();
    if (found === undefined) await knex("knex_tag").insert({ name });
  }
  await knex.destroy();
}
main();
