// Executes snippets in the words of one Node ORM: fixes_node.cjs ORM ENGINE URL, the snippets as JSON on standard input.
"use strict";
const fs = require("fs");
const [, , orm, engine, url] = process.argv;
const snippets = JSON.parse(fs.readFileSync(0, "utf8"));
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
class NotEnough extends Error {}
class Conflict extends Error {}
class Gone extends Error {}

// The snippet without its first line, and the declaration that comes before what is run.
function parts(code) {
  const lines = code.split("\n").slice(1);
  const declares = /^(indexes: |@|table\.|Item\.init|\/\/ save\(\))/.test(lines[0]);
  return { model: declares ? lines[0] : "", body: lines.slice(declares ? 1 : 0).join("\n") };
}
const declaration = parts(snippets.find((s) => s.pattern === "get-or-create").code).model;

async function sequelizeWords() {
  const { Sequelize, DataTypes, Op, Transaction } = require("sequelize");
  const sequelize =
    engine === "sqlite"
      ? new Sequelize({ dialect: "sqlite", storage: url, logging: false })
      : new Sequelize(url.replace(/^postgresql/, "postgres"), { dialect: engine === "postgres" ? "postgres" : "mysql", logging: false });
  const attributes = { user_id: DataTypes.INTEGER, sku: DataTypes.STRING(40), quantity: { type: DataTypes.INTEGER, defaultValue: 0 } };
  const options = eval(`({${declaration}})`);
  const Item = sequelize.define("Item", attributes, { tableName: "items", timestamps: false, ...options });
  const Parent = sequelize.define("Parent", {}, { tableName: "parents", timestamps: false });
  await sequelize.sync({ force: true });
  return {
    names: { sequelize, Op, Transaction, Item, Parent },
    reset: async (rows) => {
      await Item.destroy({ where: {} });
      await Parent.findOrCreate({ where: { id: 1 } });
      await Item.bulkCreate(rows);
    },
    get: () => Item.findOne({ where: { user_id: 1, sku: "a" } }),
    rows: async () => (await Item.findAll({ raw: true })).map((r) => [r.user_id, r.sku, r.quantity]),
    version: async () => {
      const { Model } = require("sequelize");
      class Versioned extends Model {}
      const line = snippets.find((s) => s.pattern === "version").code.split("\n")[1];
      new Function("Item", "attributes", "sequelize", line)({ init: (a, o) => Versioned.init(a, { ...o, modelName: "v", timestamps: false }) },
        { sku: DataTypes.STRING(40) }, sequelize);
      await Versioned.sync({ force: true });
      await Versioned.create({ sku: "a" });
      const [one, two] = [await Versioned.findOne(), await Versioned.findOne()];
      await one.update({ sku: "b" });
      await two.update({ sku: "c" });
    },
    close: () => sequelize.close(),
  };
}

async function typeormWords() {
  require("reflect-metadata");
  const typeorm = require("typeorm");
  class Item {}
  class Parent {}
  for (const [target, columns] of [[Item, { user_id: "int", sku: "varchar", quantity: "int" }], [Parent, {}]]) {
    typeorm.Entity({ name: target === Item ? "items" : "parents" })(target);
    typeorm.PrimaryGeneratedColumn()(target.prototype, "id");
    Reflect.defineMetadata("design:type", Number, target.prototype, "id");
    for (const [name, type] of Object.entries(columns)) typeorm.Column({ type, ...(name === "quantity" ? { default: 0 } : {}) })(target.prototype, name);
  }
  new Function("typeorm", "Item", `with (typeorm) { ${declaration.slice(1)}(Item); }`)(typeorm, Item);
  const source = new typeorm.DataSource({
    ...(engine === "sqlite" ? { type: "sqlite", database: url } : { type: engine === "postgres" ? "postgres" : "mariadb", url: url.replace(/^postgresql/, "postgres") }),
    entities: [Item, Parent], synchronize: true, dropSchema: true,
  });
  await source.initialize();
  const repository = source.getRepository(Item);
  const parents = source.getRepository(Parent);
  return {
    names: { dataSource: source, repository, Item, Parent, IsNull: typeorm.IsNull },
    reset: async (rows) => {
      await repository.createQueryBuilder().delete().execute();
      if (!(await parents.findOneBy({ id: 1 }))) await parents.insert({ id: 1 });
      if (rows.length) await repository.insert(rows.map((r) => ({ ...r })));
    },
    get: () => repository.findOneBy({ user_id: 1, sku: "a" }),
    rows: async () => (await repository.find()).map((r) => [r.user_id, r.sku, r.quantity]),
    close: () => source.destroy(),
  };
}

async function knexWords() {
  const knex = require("knex")(
    engine === "sqlite" ? { client: "sqlite3", connection: { filename: url }, useNullAsDefault: true } : { client: engine === "postgres" ? "pg" : "mysql2", connection: url },
  );
  await knex.schema.dropTableIfExists("items").dropTableIfExists("parent");
  await knex.schema.createTable("items", (table) => {
    table.increments("id");
    table.integer("user_id");
    table.string("sku", 40);
    table.integer("quantity").defaultTo(0);
    new Function("table", declaration)(table);
  });
  await knex.schema.createTable("parent", (table) => table.increments("id"));
  await knex("parent").insert({ id: 1 });
  return {
    names: { knex },
    reset: async (rows) => {
      await knex("items").del();
      if (rows.length) await knex("items").insert(rows);
    },
    get: () => knex("items").where({ user_id: 1, sku: "a" }).first(),
    rows: async () => (await knex("items").select()).map((r) => [r.user_id, r.sku, r.quantity]),
    close: () => knex.destroy(),
  };
}

// True when it went through, false when it said no.
async function execute(words, body, values) {
  const names = { ...words.names, user_id: 1, sku: "a", parentId: 1, NotEnough, Conflict, Gone, ...values };
  for (const own of ["obj", "row"]) if (new RegExp(`^\\s*const ${own} =`, "m").test(body) && body.indexOf(`const ${own} =`) < body.search(new RegExp(`\\b${own}\\.`))) delete names[own];
  const run = new AsyncFunction(...Object.keys(names), `for (const once of [0]) { {\n${body}\n} }`);
  try {
    await run(...Object.values(names));
    return true;
  } catch (e) {
    if (e instanceof NotEnough || e instanceof Conflict || e instanceof Gone) return false;
    throw e;
  }
}

function same(got, wanted) {
  const text = (rows) => JSON.stringify([...rows].sort());
  if (text(got) !== text(wanted)) throw new Error(`${text(got)} is not ${text(wanted)}`);
}
function must(condition) {
  if (!condition) throw new Error("it should have gone the other way");
}

async function check(words, pattern, code) {
  const { body } = parts(code);
  const item = { user_id: 1, sku: "a", quantity: 5 };
  const other = { user_id: 2, sku: "b", quantity: 5 };
  const locks = engine !== "sqlite";
  await words.reset(pattern === "get-or-create" || pattern === "parent-lock" ? [] : [item, other]);
  switch (pattern) {
    case "get-or-create":
      must(await execute(words, body, {}));
      must(await execute(words, body, {}));
      return same(await words.rows(), [[1, "a", 0]]);
    case "read-modify-write":
      must(await execute(words, body, { change: -2, newValue: (o) => o.quantity - 1 }));
      return same(await words.rows(), [[1, "a", locks ? 2 : 3], [2, "b", 5]]);
    case "guarded-decrement":
      must(await execute(words, body, { n: 3 }));
      must(!(await execute(words, body, { n: 3 })));
      return same(await words.rows(), [[1, "a", 2], [2, "b", 5]]);
    case "version": {
      if (words.version) {
        const error = await words.version().then(() => null, (e) => e);
        return must(error && error.name === "SequelizeOptimisticLockError");
      }
      const stale = await words.get();
      must(await execute(words, body, { obj: stale, row: stale, changes: {} }));
      must(!(await execute(words, body, { obj: stale, row: stale, changes: {} })));
      return same(await words.rows(), [[1, "a", 6], [2, "b", 5]]);
    }
    case "for-update":
    case "set-lock":
      must(await execute(words, body, {}));
      return same(await words.rows(), [[1, "a", 5], [2, "b", 5]]);
    case "changed-columns": {
      const obj = await words.get();
      obj.quantity = 9;
      must(await execute(words, body, { obj, value: 9 }));
      return same(await words.rows(), [[1, "a", 9], [2, "b", 5]]);
    }
    case "update-only":
      await words.reset([]);
      must(!(await execute(words, body, { value: 9 })));
      return same(await words.rows(), []);
    case "queue-pop": {
      const obj = await words.get();
      must(await execute(words, body, { obj, row: obj, picked: 5, newValue: 9 }));
      return same(await words.rows(), [[1, "a", 9], [2, "b", locks ? 9 : 5]]);
    }
    case "parent-lock":
      must(await execute(words, body, { bound: 1 }));
      must(await execute(words, body, { bound: 1 }));
      return same(await words.rows(), [[1, "a", 0]]);
    default:
      throw new Error("nobody says what it does");
  }
}

(async () => {
  const words = await { sequelize: sequelizeWords, typeorm: typeormWords, knex: knexWords }[orm]();
  for (const { pattern, code } of snippets) {
    try {
      await check(words, pattern, code);
      console.log("ok", pattern);
    } catch (e) {
      console.log("FAILED", orm, engine, pattern, JSON.stringify(String(e.stack).slice(0, 600)), JSON.stringify(code));
    }
  }
  await words.close();
})();
