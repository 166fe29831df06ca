// Two requests look a tag up and create it: the log that Sequelize writes of it. usage: node sequelize_recipe.js DATABASE LOG
const { Sequelize, DataTypes } = require("sequelize");
const [database, log] = process.argv.slice(2);

// recipe: where the tests connect
const fs = require("fs");
const sequelize = new Sequelize(database, {
  benchmark: true,
  logQueryParameters: true,
  logging: (sql, ms) => fs.appendFileSync(log, `${new Date().toISOString()} ${sql} Elapsed time: ${ms}ms\n`),
});
// end

async function main() {
  const Tag = sequelize.define("tag", { name: DataTypes.STRING }, { tableName: "sequelize_tag", timestamps: false });
  await Tag.sync({ force: true });
  for (const name of ["blue", "green"]) {
    const found = await Tag.findOne({ where: { name } });
    if (found === null) await Tag.create({ name });
  }
  await sequelize.close();
}
main();
