// The same fix in the words of the ORM that wrote the statements. To be read, not run: the log shows tables and columns, so the model's name is a
// guess from the table's, and its first line says so. APIs as of Django 5, Peewee 3.17, SQLAlchemy 2, Rails 7.1, Sequelize 6, TypeORM 0.3, Prisma 5, Knex 3,
// GORM 2, Hibernate 6.5, Laravel 11, EF Core 8.
//
// A snippet is a text with @words@ to fill in. A line that begins with a @condition@ stands only where the condition holds.

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "analyzers/base/text.h"
#include "rules/suggest/key.h"
#include "rules/suggest/names.h"

namespace dbaudit::suggest {
namespace {

struct Snippet {
  std::string_view orm, pattern, code;
};

constexpr Snippet kSnippets[] = {
#include "rules/suggest/orm_decisions.def"
    // --- Django ---
    {"django", "get-or-create", R"(@whole@class Meta:
@whole@    constraints = [models.UniqueConstraint(fields=[@fields_quoted@], name="@name@")]
@partial@class Meta:
@partial@    constraints = [models.UniqueConstraint(fields=[@fields_quoted@], condition=models.Q(@null_field@__isnull=True), name="@name@")]
# then get_or_create() catches the IntegrityError and returns the winner's row
obj, created = @Model@.objects.get_or_create(@fields_kwargs@))"},
    {"django", "read-modify-write", R"(@Model@.objects.filter(@fields_kwargs@).update(@field@=F("@field@") + change)
@lock@# or, when the new value is no sum:
@lock@with transaction.atomic():
@lock@    obj = @Model@.objects.select_for_update().get(@fields_kwargs@)
@lock@    obj.@field@ = new_value(obj)
@lock@    obj.save(update_fields=["@field@"]))"},
    {"django", "guarded-decrement", R"(updated = @Model@.objects.filter(@fields_kwargs@, @field@__gte=n).update(@field@=F("@field@") - n)
if not updated:
    raise NotEnough())"},
    {"django", "version",
     R"(updated = @Model@.objects.filter(@fields_kwargs@, @field@=obj.@field@).update(@field@=F("@field@") + 1, **changes)
if not updated:
    raise Conflict()  # read again in a new transaction)"},
    {"django", "for-update", R"(@lock@with transaction.atomic():
@lock@    obj = @Model@.objects.select_for_update().get(@fields_kwargs@)
@lock@    ...  # what follows from it, saved inside the block)"},
    {"django", "repeatable-read",
     R"(@my@DATABASES["default"]["OPTIONS"]["isolation_level"] = "read committed"  # Django's own default on MySQL
@pg@from django.db.backends.postgresql.psycopg_any import IsolationLevel
@pg@DATABASES["default"]["OPTIONS"]["isolation_level"] = IsolationLevel.READ_COMMITTED)"},
    {"django", "changed-columns", R"(obj.save(update_fields=["@field@"])  # the fields this request changed)"},
    {"django", "update-only", R"(obj.save(force_update=True)  # DatabaseError when the row is gone, instead of a new row)"},
    // --- Peewee ---
    {"peewee", "get-or-create", R"(@whole@class Meta:
@whole@    indexes = (((@fields_quoted@,), True),)
@partial@@Model@.add_index(@model_fields@, unique=True, where=@Model@.@null_field@.is_null())
@notmy@@whole@@Model@.insert(@fields_kwargs@).on_conflict_ignore().execute()
@my@@whole@@Model@.insert(@fields_kwargs@).on_conflict(preserve=[@model_fields@]).execute()
@whole@obj = @Model@.get(@fields_conditions@))"},
    {"peewee", "read-modify-write", R"(@Model@.update(@field@=@Model@.@field@ + change).where(@fields_conditions@).execute()
@lock@# or, when the new value is no sum:
@lock@with db.atomic():
@lock@    obj = @Model@.select().where(@fields_conditions@).for_update().get()
@lock@    obj.@field@ = new_value(obj)
@lock@    obj.save(only=[@Model@.@field@]))"},
    {"peewee", "guarded-decrement",
     R"(rows = @Model@.update(@field@=@Model@.@field@ - n).where(@fields_conditions@, @Model@.@field@ >= n).execute()
if rows == 0:
    raise NotEnough())"},
    {"peewee", "version",
     R"(rows = @Model@.update(@field@=@Model@.@field@ + 1, **changes).where(@fields_conditions@, @Model@.@field@ == obj.@field@).execute()
if rows == 0:
    raise Conflict()  # read again in a new transaction)"},
    {"peewee", "for-update", R"(@lock@with db.atomic():  # outside of it Peewee commits, and unlocks, at once
@lock@    obj = @Model@.select().where(@fields_conditions@).for_update().get()
@lock@    ...  # what follows from it, saved inside the block)"},
    {"peewee", "repeatable-read", R"(@my@db = MySQLDatabase(name, init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
@pg@db = PostgresqlDatabase(name, isolation_level=psycopg2.extensions.ISOLATION_LEVEL_READ_COMMITTED))"},
    {"peewee", "changed-columns", R"(obj.save(only=obj.dirty_fields)  # or in the model: class Meta: only_save_dirty = True)"},
    // --- SQLAlchemy ---
    {"sqlalchemy", "get-or-create", R"(@whole@__table_args__ = (UniqueConstraint(@columns_quoted@, name="@name@"),)
@partial@__table_args__ = (Index("@name@", @columns_quoted@, unique=True, postgresql_where=text("@null@ IS NULL"), sqlite_where=text("@null@ IS NULL")),)
@notmy@@whole@from sqlalchemy.dialects.@dialect@ import insert
@notmy@@whole@session.execute(insert(@Model@).values(@kwargs@).on_conflict_do_nothing(index_elements=[@columns_quoted@]))
@partial@from sqlalchemy.dialects.@dialect@ import insert
@partial@session.execute(insert(@Model@).values(@kwargs@).on_conflict_do_nothing(index_elements=[@columns_quoted@], index_where=text("@null@ IS NULL")))
@my@@whole@from sqlalchemy.dialects.mysql import insert
@my@@whole@session.execute(insert(@Model@).values(@kwargs@).on_duplicate_key_update(@key@=@Model@.@key@))
@whole@obj = session.scalars(select(@Model@).filter_by(@kwargs@)).one()
@partial@obj = session.scalars(select(@Model@).filter_by(@kwargs@, @null@=None)).one())"},
    {"sqlalchemy", "read-modify-write", R"(session.execute(update(@Model@).where(@conditions@).values(@column@=@Model@.@column@ + change))
@lock@# or, when the new value is no sum, in one transaction:
@lock@obj = session.scalars(select(@Model@).where(@conditions@).with_for_update()).one()
@lock@obj.@column@ = new_value(obj))"},
    {"sqlalchemy", "guarded-decrement",
     R"(result = session.execute(update(@Model@).where(@conditions@, @Model@.@column@ >= n).values(@column@=@Model@.@column@ - n))
if result.rowcount == 0:
    raise NotEnough())"},
    {"sqlalchemy", "version", R"(__mapper_args__ = {"version_id_col": @column@}  # StaleDataError when somebody was faster)"},
    {"sqlalchemy", "for-update", R"(@lock@with Session.begin() as session:
@lock@    obj = session.scalars(select(@Model@).where(@conditions@).with_for_update()).one()
@lock@    ...  # what follows from it)"},
    {"sqlalchemy", "repeatable-read", R"(engine = create_engine(url, isolation_level="READ COMMITTED"))"},
    // --- ActiveRecord ---
    {"activerecord", "get-or-create",
     R"(@pg@@whole@add_index :@table@, [@symbols@], unique: true, algorithm: :concurrently  # with disable_ddl_transaction!
@pg@@partial@add_index :@table@, [@symbols@], unique: true, where: "@null@ IS NULL", algorithm: :concurrently  # with disable_ddl_transaction!
@notpg@@whole@add_index :@table@, [@symbols@], unique: true
@notpg@@partial@add_index :@table@, [@symbols@], unique: true, where: "@null@ IS NULL"
obj = @Model@.create_or_find_by!(@hash@))"},
    {"activerecord", "read-modify-write", R"(@Model@.where(@hash@).update_all(["@column@ = @column@ + ?", change])
@lock@# or, when the new value is no sum:
@lock@obj.with_lock { obj.update!(@column@: new_value(obj)) })"},
    {"activerecord", "guarded-decrement",
     R"(rows = @Model@.where(@hash@).where("@column@ >= ?", n).update_all(["@column@ = @column@ - ?", n])
raise NotEnough if rows.zero?)"},
    {"activerecord", "version",
     R"(self.locking_column = :@column@  # save! then raises ActiveRecord::StaleObjectError; update_all and update_column pass it by)"},
    {"activerecord", "for-update", R"(@lock@@Model@.transaction do
@lock@  obj = @Model@.lock.find_by!(@hash@)
@lock@  # what follows from it
@lock@end)"},
    {"activerecord", "repeatable-read", R"(@Model@.transaction(isolation: :read_committed) { … })"},
    // --- Sequelize ---
    {"sequelize", "get-or-create", R"(@whole@indexes: [{ unique: true, fields: [@columns_quoted@], name: "@name@" }],
@partial@indexes: [{ unique: true, fields: [@columns_quoted@], where: { @null@: null }, name: "@name@" }],
const [obj, created] = await @Model@.findOrCreate({ where: { @object@ } });)"},
    {"sequelize", "read-modify-write", R"(await @Model@.increment("@column@", { by: change, where: { @object@ } });
@lock@// or, when the new value is no sum:
@lock@await sequelize.transaction(async (transaction) => {
@lock@  const obj = await @Model@.findOne({ where: { @object@ }, transaction, lock: transaction.LOCK.UPDATE });
@lock@  await obj.update({ @column@: newValue(obj) }, { transaction });
@lock@});)"},
    {"sequelize", "guarded-decrement", R"(const [rows] = await @Model@.update(
  { @column@: sequelize.literal(`@column@ - ${Number(n)}`) },
  { where: { @object@, @column@: { [Op.gte]: n } } });
if (rows === 0) throw new NotEnough();)"},
    {"sequelize", "version", R"(@Model@.init(attributes, { sequelize, version: "@column@" }); // save() then throws OptimisticLockError)"},
    {"sequelize", "for-update", R"(@lock@await sequelize.transaction(async (transaction) => {
@lock@  const obj = await @Model@.findOne({ where: { @object@ }, transaction, lock: transaction.LOCK.UPDATE });
@lock@  // what follows from it, each call with { transaction }
@lock@});)"},
    {"sequelize", "repeatable-read",
     R"(await sequelize.transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.READ_COMMITTED }, work);)"},
    // --- TypeORM ---
    {"typeorm", "get-or-create", R"(@whole@@Unique("@name@", [@columns_quoted@])
@partial@@Index("@name@", [@columns_quoted@], { unique: true, where: "@null@ IS NULL" })
@whole@await repository.upsert({ @object@ }, [@columns_quoted@]);
@whole@const obj = await repository.findOneByOrFail({ @object@ });
@partial@await repository.createQueryBuilder().insert().values({ @object@ }).orIgnore().execute();
@partial@const obj = await repository.findOneByOrFail({ @object@, @null@: IsNull() });)"},
    {"typeorm", "read-modify-write", R"(await repository.increment({ @object@ }, "@column@", change);
@lock@// or, when the new value is no sum:
@lock@await dataSource.transaction(async (manager) => {
@lock@  const obj = await manager.findOneOrFail(@Model@, { where: { @object@ }, lock: { mode: "pessimistic_write" } });
@lock@  await manager.update(@Model@, { @object@ }, { @column@: newValue(obj) });
@lock@});)"},
    {"typeorm", "guarded-decrement", R"(const result = await repository.createQueryBuilder().update()
  .set({ @column@: () => "@column@ - :n" })
  .where("@named@ AND @column@ >= :n", { @object@, n }).execute();
if (!result.affected) throw new NotEnough();)"},
    {"typeorm", "changed-columns",
     R"(await repository.update({ @object@ }, { @column@: value }); // save(obj) writes what differs from its own re-read)"},
    {"typeorm", "version", R"(// save() raises @VersionColumn() without comparing it
const result = await repository.createQueryBuilder().update()
  .set({ ...changes, @column@: () => "@column@ + 1" })
  .where("@named@ AND @column@ = :@column@", { @object@, @column@: obj.@column@ }).execute();
if (!result.affected) throw new Conflict();)"},
    {"typeorm", "for-update", R"(@lock@await dataSource.transaction(async (manager) => {
@lock@  const obj = await manager.findOneOrFail(@Model@, { where: { @object@ }, lock: { mode: "pessimistic_write" } });
@lock@  // what follows from it, through manager
@lock@});)"},
    {"typeorm", "repeatable-read", R"(await dataSource.transaction("READ COMMITTED", work);)"},
    // --- Prisma ---
    {"prisma", "get-or-create", R"(@whole@@@unique([@plain@])  // schema.prisma
@whole@@one@const obj = await prisma.@model@.upsert({ where: { @object@ }, create: { @object@ }, update: {} });
@whole@@many@const obj = await prisma.@model@.upsert({ where: { @joined@: { @object@ } }, create: { @object@ }, update: {} });
@partial@// the schema has no partial index: put the CREATE UNIQUE INDEX above into a migration, then
@partial@await prisma.@model@.createMany({ data: [{ @object@ }], skipDuplicates: true });
@partial@const obj = await prisma.@model@.findFirstOrThrow({ where: { @object@, @null@: null } });)"},
    {"prisma", "read-modify-write", R"(await prisma.@model@.updateMany({ where: { @object@ }, data: { @column@: { increment: change } } });
@lock@// or, when the new value is no sum:
@lock@await prisma.$transaction(async (tx) => {
@lock@  await tx.$queryRaw`SELECT 1 FROM @table@ WHERE @key@ = ${@key@} FOR UPDATE`;
@lock@  const obj = await tx.@model@.findFirstOrThrow({ where: { @object@ } });
@lock@  await tx.@model@.updateMany({ where: { @object@ }, data: { @column@: newValue(obj) } });
@lock@});)"},
    {"prisma", "guarded-decrement",
     R"(const { count } = await prisma.@model@.updateMany({ where: { @object@, @column@: { gte: n } }, data: { @column@: { decrement: n } } });
if (count === 0) throw new NotEnough();)"},
    {"prisma", "version", R"(const { count } = await prisma.@model@.updateMany({
  where: { @object@, @column@: obj.@column@ }, data: { ...changes, @column@: { increment: 1 } } });
if (count === 0) throw new Conflict();)"},
    {"prisma", "for-update", R"(@lock@await prisma.$transaction(async (tx) => {
@lock@  const rows = await tx.$queryRaw`SELECT * FROM @table@ WHERE @key@ = ${@key@} FOR UPDATE`;
@lock@  // what follows from it, through tx
@lock@});)"},
    {"prisma", "repeatable-read",
     R"(await prisma.$transaction(work, { isolationLevel: Prisma.TransactionIsolationLevel.ReadCommitted });)"},
    // --- Knex ---
    {"knex", "get-or-create", R"(@whole@table.unique([@columns_quoted@], { indexName: "@name@" }); // migration
@partial@await knex.raw("CREATE UNIQUE INDEX @name@ ON @table@ (@plain@) WHERE @null@ IS NULL"); // migration
@notmy@@whole@await knex("@table@").insert({ @object@ }).onConflict([@columns_quoted@]).ignore();
@my@@whole@await knex("@table@").insert({ @object@ }).onConflict().merge([@columns_quoted@]);
@partial@await knex("@table@").insert({ @object@ }).onConflict(knex.raw("(@plain@) where @null@ is null")).ignore();
@whole@const row = await knex("@table@").where({ @object@ }).first();
@partial@const row = await knex("@table@").where({ @object@ }).whereNull("@null@").first();)"},
    {"knex", "read-modify-write", R"(await knex("@table@").where({ @object@ }).increment("@column@", change);
@lock@// or, when the new value is no sum:
@lock@await knex.transaction(async (trx) => {
@lock@  const row = await trx("@table@").where({ @object@ }).forUpdate().first();
@lock@  await trx("@table@").where({ @object@ }).update({ @column@: newValue(row) });
@lock@});)"},
    {"knex", "guarded-decrement",
     R"(const rows = await knex("@table@").where({ @object@ }).where("@column@", ">=", n).decrement("@column@", n);
if (rows === 0) throw new NotEnough();)"},
    {"knex", "version",
     R"(const rows = await knex("@table@").where({ @object@, @column@: row.@column@ }).update({ ...changes, @column@: row.@column@ + 1 });
if (rows === 0) throw new Conflict();)"},
    {"knex", "for-update", R"(@lock@await knex.transaction(async (trx) => {
@lock@  const row = await trx("@table@").where({ @object@ }).forUpdate().first();
@lock@  // what follows from it, through trx
@lock@});)"},
    {"knex", "repeatable-read", R"(await knex.transaction(work, { isolationLevel: "read committed" });)"},
    // --- GORM ---
    {"gorm", "get-or-create", R"(@whole@// tag of @plain@: `gorm:"uniqueIndex:@name@"`
@partial@// tag of @plain@: `gorm:"uniqueIndex:@name@,where:@null@ IS NULL"`
db.Clauses(clause.OnConflict{DoNothing: true}).Create(&obj)
@whole@db.Where("@questions@", @plain@).First(&obj)
@partial@db.Where("@questions@ AND @null@ IS NULL", @plain@).First(&obj))"},
    {"gorm", "read-modify-write",
     R"(db.Model(&@Model@{}).Where("@questions@", @plain@).Update("@column@", gorm.Expr("@column@ + ?", change))
@lock@// or, when the new value is no sum:
@lock@db.Transaction(func(tx *gorm.DB) error {
@lock@	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("@questions@", @plain@).First(&obj).Error; err != nil {
@lock@		return err
@lock@	}
@lock@	return tx.Model(&obj).Update("@column@", newValue(obj)).Error
@lock@}))"},
    {"gorm", "guarded-decrement",
     R"(result := db.Model(&@Model@{}).Where("@questions@ AND @column@ >= ?", @plain@, n).Update("@column@", gorm.Expr("@column@ - ?", n))
if result.RowsAffected == 0 {
	return ErrNotEnough
})"},
    {"gorm", "changed-columns", R"(db.Model(&obj).Select("@Column@").Updates(changes) // Save() writes every column)"},
    {"gorm", "version",
     R"(result := db.Model(&@Model@{}).Where("@questions@ AND @column@ = ?", @plain@, version).Updates(map[string]any{"@column@": version + 1 /* and the changes */})
if result.RowsAffected == 0 {
	return ErrConflict
})"},
    {"gorm", "for-update", R"(@lock@db.Transaction(func(tx *gorm.DB) error {
@lock@	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("@questions@", @plain@).First(&obj).Error; err != nil {
@lock@		return err
@lock@	}
@lock@	return nil // what follows from it, through tx
@lock@}))"},
    {"gorm", "repeatable-read", R"(db.Transaction(work, &sql.TxOptions{Isolation: sql.LevelReadCommitted}))"},
    // --- Hibernate, JPA ---
    {"hibernate", "get-or-create",
     R"(@whole@@Table(name = "@table@", uniqueConstraints = @UniqueConstraint(name = "@name@", columnNames = {@columns_quoted@}))
@partial@// JPA has no partial index: put the CREATE UNIQUE INDEX above into a migration
@whole@em.createQuery("insert into @Model@ (@plain@) values (@colons@) on conflict (@plain@) do nothing") // HQL of Hibernate 6.5
@whole@    @setters@.executeUpdate();)"},
    {"hibernate", "read-modify-write", R"(em.createQuery("update @Model@ e set e.@column@ = e.@column@ + :change where @hql@")
    .setParameter("change", change)@setters@.executeUpdate();
@lock@// or, when the new value is no sum, in one transaction:
@lock@var obj = em.createQuery("from @Model@ e where @hql@", @Model@.class)@setters@
@lock@    .setLockMode(LockModeType.PESSIMISTIC_WRITE).getSingleResult();)"},
    {"hibernate", "guarded-decrement",
     R"(int rows = em.createQuery("update @Model@ e set e.@column@ = e.@column@ - :n where @hql@ and e.@column@ >= :n")
    .setParameter("n", n)@setters@.executeUpdate();
if (rows == 0) throw new NotEnoughException();)"},
    {"hibernate", "changed-columns", R"(@DynamicUpdate // on the entity; with @Version beside it)"},
    {"hibernate", "version",
     R"(@Version private int @column@;  // OptimisticLockException when somebody was faster; bulk HQL needs "update versioned")"},
    {"hibernate", "for-update", R"(@lock@// inside one @Transactional method
@lock@var obj = em.createQuery("from @Model@ e where @hql@", @Model@.class)@setters@
@lock@    .setLockMode(LockModeType.PESSIMISTIC_WRITE).getSingleResult();)"},
    {"hibernate", "repeatable-read",
     R"(@Transactional(isolation = Isolation.READ_COMMITTED)  // Spring; or hibernate.connection.isolation=READ_COMMITTED)"},
    // --- Laravel ---
    {"laravel", "get-or-create", R"(@whole@$table->unique([@singles@], '@name@');  // migration
@partial@DB::statement('CREATE UNIQUE INDEX @name@ ON @table@ (@plain@) WHERE @null@ IS NULL');  // migration
$obj = @Model@::createOrFirst([@array@]);)"},
    {"laravel", "read-modify-write", R"(@Model@::where([@array@])->increment('@column@', $change);
@lock@// or, when the new value is no sum:
@lock@DB::transaction(function () use (@variables@) {
@lock@    $obj = @Model@::where([@array@])->lockForUpdate()->firstOrFail();
@lock@    $obj->update(['@column@' => newValue($obj)]);
@lock@});)"},
    {"laravel", "guarded-decrement", R"($rows = @Model@::where([@array@])->where('@column@', '>=', $n)->decrement('@column@', $n);
if ($rows === 0) throw new NotEnough();)"},
    {"laravel", "version",
     R"($rows = @Model@::where([@array@])->where('@column@', $obj->@column@)->update($changes + ['@column@' => $obj->@column@ + 1]);
if ($rows === 0) throw new Conflict();)"},
    {"laravel", "for-update", R"(@lock@DB::transaction(function () use (@variables@) {
@lock@    $obj = @Model@::where([@array@])->lockForUpdate()->firstOrFail();
@lock@    // what follows from it
@lock@});)"},
    {"laravel", "repeatable-read", R"('isolation_level' => 'READ COMMITTED',  // of the connection in config/database.php)"},
    // --- EF Core ---
    {"efcore", "get-or-create",
     R"(@whole@modelBuilder.Entity<@Model@>().HasIndex(x => new { @properties@ }).IsUnique().HasDatabaseName("@name@");
@partial@modelBuilder.Entity<@Model@>().HasIndex(x => new { @properties@ }).IsUnique().HasFilter("@null@ IS NULL").HasDatabaseName("@name@");
// then SaveChangesAsync() throws DbUpdateException for the loser: read the winner's row with a fresh context)"},
    {"efcore", "read-modify-write", R"(await db.Set<@Model@>().Where(x => @lambda@)
    .ExecuteUpdateAsync(s => s.SetProperty(x => x.@Column@, x => x.@Column@ + change));)"},
    {"efcore", "guarded-decrement", R"(var rows = await db.Set<@Model@>().Where(x => @lambda@ && x.@Column@ >= n)
    .ExecuteUpdateAsync(s => s.SetProperty(x => x.@Column@, x => x.@Column@ - n));
if (rows == 0) throw new NotEnoughException();)"},
    {"efcore", "changed-columns", R"(obj.@Column@ = value; // a tracked entity: Update(obj) marks every column as changed
await db.SaveChangesAsync();)"},
    {"efcore", "version",
     R"(modelBuilder.Entity<@Model@>().Property(x => x.@Column@).IsConcurrencyToken();  // DbUpdateConcurrencyException when somebody was faster)"},
    {"efcore", "for-update", R"(@lock@await using var transaction = await db.Database.BeginTransactionAsync();
@lock@var obj = await db.Set<@Model@>().FromSql($"SELECT * FROM @table@ WHERE @key@ = {@key@} FOR UPDATE").SingleAsync();
@lock@// what follows from it, then SaveChangesAsync() and
@lock@await transaction.CommitAsync();)"},
    {"efcore", "repeatable-read",
     R"(await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted);)"},
};

struct PatternWords {
  std::string_view pattern, title, trade_off;
};
constexpr PatternWords kPatterns[] = {
    {"get-or-create", "declare the unique key in the model", "The migration fails while there are duplicates."},
    {"read-modify-write", "let the database do the arithmetic, or lock the row",
     "The object in memory keeps the old value until it is read again."},
    {"guarded-decrement", "check and subtract in one UPDATE", "Zero rows means no: it must be looked at."},
    {"version", "compare the version when saving", "The loser gets an error and must read again."},
    {"changed-columns", "save only what changed", "Two requests that change the same field still overwrite each other."},
    {"update-only", "update, and never insert, a row that was read", "The caller must say that the row is gone."},
    {"for-update", "open the transaction before the lock", "Others wait for the row until the transaction ends."},
    {"queue-pop", "let the UPDATE ask for the state, or skip what is locked", "Zero rows means that somebody else has it."},
    {"parent-lock", "lock the parent before counting", "Others with the same parent wait until the transaction ends."},
    {"set-lock", "lock the set before deciding on it", "Others that decide on it wait until the transaction ends."},
    {"repeatable-read", "READ COMMITTED for this connection", "Code that counts on one snapshot for several reads loses it."},
};

std::string_view title_of(std::string_view orm) {
  static constexpr std::pair<std::string_view, std::string_view> kTitles[] = {
      {"django", "Django"},       {"peewee", "Peewee"},       {"sqlalchemy", "SQLAlchemy"}, {"activerecord", "ActiveRecord"},
      {"sequelize", "Sequelize"}, {"typeorm", "TypeORM"},     {"prisma", "Prisma"},         {"knex", "Knex"},
      {"gorm", "GORM"},           {"hibernate", "Hibernate"}, {"laravel", "Laravel"},       {"efcore", "EF Core"}};
  for (const auto& [name, title] : kTitles) {
    if (name == orm) return title;
  }
  return orm;
}

/// `order_items` → `OrderItem`, `user_id` → `UserId`.
std::string pascal(std::string_view name) {
  std::string result;
  bool start = true;
  for (const char c : name) {
    if (c == '_' || c == ' ' || c == '-' || c == '.') {
      start = true;
      continue;
    }
    result += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    start = false;
  }
  return result;
}

std::string singular(std::string name) {
  const auto ends = [&name](std::string_view s) { return name.size() > s.size() + 1 && std::string_view(name).ends_with(s); };
  if (ends("ies")) return name.substr(0, name.size() - 3) + "y";
  for (const std::string_view s : {"sses", "shes", "ches", "xes"}) {
    if (ends(s)) return name.substr(0, name.size() - 2);
  }
  if (ends("s") && !ends("ss") && !ends("us") && !ends("is")) name.pop_back();
  return name;
}

/// Django names a table `app_model`; the others name it after the model, in the plural.
std::string model_name(const Material& m) {
  const std::string table = to_lower(bare_table(m));
  const size_t app = table.find('_');
  if (m.orm == "django") return pascal(app != std::string::npos && app + 1 < table.size() ? table.substr(app + 1) : table);
  return pascal(singular(table));
}

/// A foreign key's column `session_id` is the field `session` in Django and Peewee.
std::string field_name(const Material& m, const std::string& column) {
  if (m.table == nullptr || column.size() < 4 || !column.ends_with("_id")) return column;
  for (const ForeignKey& f : m.table->foreign_keys) {
    if (f.columns.size() == 1 && iequals(f.columns[0], column)) return column.substr(0, column.size() - 3);
  }
  return column;
}

/// Joins `one` of each name, its `%` replaced by the name.
std::string each(const std::vector<std::string>& names, std::string_view one, std::string_view separator) {
  std::string result;
  for (const std::string& n : names) {
    if (!result.empty()) result += separator;
    for (const char c : one) {
      if (c == '%')
        result += n;
      else
        result += c;
    }
  }
  return result;
}

std::map<std::string, std::string, std::less<>> words_for(const Material& m, const std::vector<std::string>& columns,
                                                          const std::string& column) {
  std::vector<std::string> fields, properties;
  for (const std::string& c : columns) {
    fields.push_back(field_name(m, c));
    properties.push_back(pascal(c));
  }
  const std::string model = model_name(m);
  std::string lower_model = model;
  if (!lower_model.empty()) lower_model[0] = ascii_lower(lower_model[0]);
  std::vector<std::string> name = {bare_table(m)};
  name.insert(name.end(), columns.begin(), columns.end());
  name.emplace_back("uniq");
  const std::string null = m.null_columns.empty() ? "" : spelling(m, m.null_columns[0]);
  std::string lambda;
  for (size_t i = 0; i < columns.size(); ++i) lambda += (i > 0 ? " && x." : "x.") + properties[i] + " == " + columns[i];
  return {{"Model", model},
          {"model", lower_model},
          {"table", bare_table(m)},
          {"name", new_name(m, name)},
          {"key", columns.empty() ? "" : columns[0]},
          {"column", column},
          {"Column", pascal(column)},
          {"field", field_name(m, column)},
          {"null", null},
          {"null_field", field_name(m, null)},
          {"dialect", m.engine == Engine::kSqlite ? "sqlite" : "postgresql"},
          {"fields_quoted", each(fields, "\"%\"", ", ")},
          {"fields_kwargs", each(fields, "%=%", ", ")},
          {"model_fields", each(fields, model + ".%", ", ")},
          {"fields_conditions", each(fields, model + ".% == %", ", ")},
          {"columns_quoted", each(columns, "\"%\"", ", ")},
          {"kwargs", each(columns, "%=%", ", ")},
          {"conditions", each(columns, model + ".% == %", ", ")},
          {"symbols", each(columns, ":%", ", ")},
          {"hash", each(columns, "%: %", ", ")},
          {"object", each(columns, "%", ", ")},
          {"plain", each(columns, "%", ", ")},
          {"joined", each(columns, "%", "_")},
          {"named", each(columns, "% = :%", " AND ")},
          {"questions", each(columns, "% = ?", " AND ")},
          {"colons", each(columns, ":%", ", ")},
          {"hql", each(columns, "e.% = :%", " and ")},
          {"setters", each(columns, ".setParameter(\"%\", %)", "")},
          {"singles", each(columns, "'%'", ", ")},
          {"array", each(columns, "'%' => $%", ", ")},
          {"variables", each(columns, "$%", ", ")},
          {"properties", each(properties, "x.%", ", ")},
          {"lambda", lambda}};
}

/// The conditions that a line may begin with.
bool holds(std::string_view condition, const Material& m, size_t columns) {
  const bool partial = !m.null_columns.empty();
  if (condition == "lock") return m.engine != Engine::kSqlite;
  if (condition == "my") return is_mysql_family(m.engine);
  if (condition == "notmy") return !is_mysql_family(m.engine);
  if (condition == "pg") return m.engine == Engine::kPostgres;
  if (condition == "notpg") return m.engine != Engine::kPostgres;
  if (condition == "whole") return !partial;
  if (condition == "partial") return partial;
  if (condition == "one") return columns == 1;
  return columns > 1;  // many
}

bool is_condition(std::string_view word) {
  static constexpr std::string_view kConditions[] = {"lock", "my", "notmy", "pg", "notpg", "whole", "partial", "one", "many"};
  return std::find(std::begin(kConditions), std::end(kConditions), word) != std::end(kConditions);
}

/// An annotation such as @Table is no word of ours and stays.
std::string fill(std::string_view code, const Material& m, const std::vector<std::string>& columns, const std::string& column) {
  const auto words = words_for(m, columns, column);
  std::string result;
  for (std::string_view line : split(code, '\n')) {
    bool wanted = true;
    while (line.starts_with('@')) {
      const size_t end = line.find('@', 1);
      if (end == std::string_view::npos || !is_condition(line.substr(1, end - 1))) break;
      wanted &= holds(line.substr(1, end - 1), m, columns.size());
      line.remove_prefix(end + 1);
    }
    if (!wanted) continue;
    if (!result.empty()) result += '\n';
    for (size_t at = 0; at < line.size();) {
      const size_t end = line[at] == '@' ? line.find('@', at + 1) : std::string_view::npos;
      const auto word = end == std::string_view::npos ? words.end() : words.find(line.substr(at + 1, end - at - 1));
      if (word == words.end()) {
        result += line[at++];
      } else {
        result += word->second;
        at = end + 1;
      }
    }
  }
  return result;
}

}  // namespace

std::vector<Fix> in_orm_words(const Material& m, std::string_view pattern) {
  const auto snippet =
      std::find_if(std::begin(kSnippets), std::end(kSnippets), [&](const Snippet& s) { return s.orm == m.orm && s.pattern == pattern; });
  const auto words = std::find_if(std::begin(kPatterns), std::end(kPatterns), [&](const PatternWords& p) { return p.pattern == pattern; });
  if (snippet == std::end(kSnippets) || words == std::end(kPatterns)) return {};

  std::vector<std::string> columns;
  for (const std::string& c : m.key_columns) {
    if (is_column(m, c)) columns.push_back(spelling(m, c));
  }
  if (pattern == "get-or-create") {
    // An expression, or MySQL's way around partial indexes, is said in SQL.
    if (columns.empty() || columns.size() != m.key_columns.size() || (is_mysql_family(m.engine) && !m.null_columns.empty())) return {};
  }
  if (columns.empty()) columns.emplace_back("id");
  const std::string column = m.columns.empty() ? columns[0] : spelling(m, m.columns[0]);
  const std::string code = fill(snippet->code, m, columns, column);
  if (code.empty()) return {};

  Fix fix;
  fix.kind = "orm";
  fix.title = std::string(title_of(m.orm)) + ": " + std::string(words->title);
  fix.applicability = Applicability::kDisplayOnly;
  const bool hash_comment = m.orm == "django" || m.orm == "peewee" || m.orm == "sqlalchemy" || m.orm == "activerecord";
  fix.code = std::string(hash_comment ? "# model of " : "// model of ") + bare_table(m) + "\n" + code;
  fix.trade_off = words->trade_off;
  if (pattern == "get-or-create" && m.isolation == Isolation::kRepeatableRead && m.engine != Engine::kSqlite)
    fix.trade_off += " At REPEATABLE READ call it outside of a transaction: inside, the loser cannot see the winner's row.";
  return {fix};
}

}  // namespace dbaudit::suggest
