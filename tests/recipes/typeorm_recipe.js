// Two requests look a tag up and create it: the log that TypeORM writes of it. usage: node typeorm_recipe.js DATABASE LOG
const { DataSource, EntitySchema, FileLogger } = require("typeorm");
const [database, log] = process.argv.slice(2);

const Tag = new EntitySchema({
  name: "Tag",
  tableName: "typeorm_tag",
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: String } },
});

// recipe: where the tests connect
const source = new DataSource({
  type: "postgres",
  url: database,
  entities: [Tag],
  logging: ["query", "error"],
  logger: new FileLogger(["query", "error"], { logPath: log }),
});
// end

async function main() {
  await source.initialize();
  await source.synchronize();
  const tags = source.getRepository("Tag");
  for (const name of ["blue", "green"]) {
    const found = await tags.findOneBy({ name });
    if (found === null) await tags.save({ name });
  }
  await source.destroy();
}
main();
