"""workload.py with Django (4.2 and later)."""

import logging
from urllib.parse import urlsplit

import django
import workload
from django.conf import settings


def configure(url):
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/" + parts.path.lstrip("/"), "OPTIONS": {"timeout": 30}}
    else:
        engine = "postgresql" if parts.scheme == "postgresql" else "mysql"
        database = {"ENGINE": f"django.db.backends.{engine}", "NAME": parts.path.lstrip("/"), "HOST": parts.hostname, "PORT": parts.port,
                    "USER": parts.username, "PASSWORD": parts.password or ""}
        if engine == "mysql":
            import pymysql

            pymysql.install_as_MySQLdb()
            pymysql.version_info = (2, 2, 4, "final", 0)
    settings.configure(DEBUG=True, DATABASES={"default": database}, USE_TZ=True, LOGGING_CONFIG=None,
                       DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", INSTALLED_APPS=[])
    django.setup()


class Shop:
    def __init__(self, url, truth):
        configure(url)
        from django.db import connection, models, transaction

        class Item(models.Model):
            name = models.CharField(max_length=200, unique=True)
            n = models.IntegerField(default=0)

            class Meta:
                app_label = "shop"
                db_table = "dj_item"

        self.Item, self.connection, self.atomic, self.truth = Item, connection, transaction.atomic, truth
        self.locks_rows = connection.vendor != "sqlite"
        self.one_at_a_time = not self.locks_rows

    def create_tables(self):
        from django.db.backends.signals import connection_created

        with self.connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS dj_item")
        with self.connection.schema_editor() as editor:
            editor.create_model(self.Item)
        self.connection.close()

        def executed(execute, sql, params, many, context):
            self.truth.add(sql, params, many)
            return execute(sql, params, many, context)

        connection_created.connect(lambda connection, **_: connection.execute_wrappers.append(executed), weak=False)

    def close(self):
        self.connection.close()

    def get_or_create(self, name):
        self.Item.objects.get_or_create(name=name)

    def add_one(self, name):
        item = self.Item.objects.get(name=name)
        item.n += 1
        item.save()

    def add_one_locked(self, name):
        with self.atomic():
            item = self.Item.objects.select_for_update().get(name=name)
            item.n += 1
            item.save()

    def nested(self, name):
        from django.db import IntegrityError

        with self.atomic():
            try:
                with self.atomic():
                    self.Item.objects.create(name=name)
            except IntegrityError:
                pass
            with self.atomic():
                self.Item.objects.filter(name=name).update(n=7)

    def fail(self, name):
        from django.db import IntegrityError

        try:
            self.Item.objects.create(name=name)
        except IntegrityError:
            pass

    def bulk(self, names):
        self.Item.objects.bulk_create([self.Item(name=n) for n in names])
        if self.connection.vendor != "mysql":  # PyMySQL makes one statement of many
            with self.connection.cursor() as cursor:
                cursor.executemany("INSERT INTO dj_item (name, n) VALUES (%s, %s)", [(n + "-x", i) for i, n in enumerate(names)])

    def odd(self, name):
        self.Item.objects.create(name=name)
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT 'two\nlines' FROM dj_item WHERE name = %s", (name,))
            cursor.fetchall()


if __name__ == "__main__":
    workload.main(workload.arguments(), "django.db.backends", logging.DEBUG, Shop)
