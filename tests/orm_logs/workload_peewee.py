"""workload.py with Peewee (3.17 and later)."""

import logging
from urllib.parse import urlsplit

import peewee
import workload

database = peewee.DatabaseProxy()


class Item(peewee.Model):
    name = peewee.CharField(max_length=200, unique=True)
    n = peewee.IntegerField(default=0)

    class Meta:
        database = database
        table_name = "pw_item"


class Shop:
    def __init__(self, url, truth):
        parts = urlsplit(url)
        if parts.scheme == "sqlite":
            real = peewee.SqliteDatabase("/" + parts.path.lstrip("/"), timeout=30)
        else:
            kind = peewee.PostgresqlDatabase if parts.scheme == "postgresql" else peewee.MySQLDatabase
            real = kind(parts.path.lstrip("/"), host=parts.hostname, port=parts.port, user=parts.username, password=parts.password or "")
        database.initialize(real)
        self.locks_rows = parts.scheme != "sqlite"
        self.one_at_a_time = not self.locks_rows
        self.truth, self.real = truth, real

    def create_tables(self):
        self.real.drop_tables([Item])
        self.real.create_tables([Item])
        self.real.close()
        execute = self.real.execute_sql

        def executed(sql, params=None, *more, **named):
            self.truth.add(sql, params)
            return execute(sql, params, *more, **named)

        self.real.execute_sql = executed

    def close(self):
        if not self.real.is_closed():
            self.real.close()

    def get_or_create(self, name):
        Item.get_or_create(name=name)

    def add_one(self, name):
        item = Item.get(Item.name == name)
        item.n += 1
        item.save()

    def add_one_locked(self, name):
        with self.real.atomic():
            item = Item.select().where(Item.name == name).for_update().get()
            item.n += 1
            item.save()

    def nested(self, name):
        with self.real.atomic():
            try:
                with self.real.atomic():
                    Item.create(name=name)
            except peewee.IntegrityError:
                pass
            with self.real.atomic():
                Item.update(n=Item.n + 1).where(Item.name == name).execute()

    def fail(self, name):
        try:
            Item.create(name=name)
        except peewee.IntegrityError:
            pass

    def bulk(self, names):
        with self.real.atomic():
            Item.insert_many([(n, i) for i, n in enumerate(names)], fields=[Item.name, Item.n]).execute()

    def odd(self, name):
        Item.create(name=name)
        self.real.execute_sql("SELECT 'two\nlines' FROM pw_item WHERE name = " + ("%s" if self.locks_rows else "?"), (name,)).fetchall()


if __name__ == "__main__":
    workload.main(workload.arguments(), "peewee", logging.DEBUG, Shop)
