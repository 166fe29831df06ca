#!/usr/bin/env python3
"""Runs the workloads of docs/systems.md with real Django and real Peewee and writes what the servers logged as fixtures.

usage: scripts/with-servers PYTHON tests/orm_logs/systems.py FIXTURES_RULES_DIRECTORY

PYTHON has Django 4.2, Peewee, psycopg and PyMySQL. Two threads start each round at a barrier; what comes of it is up to the servers. A log is taken over as
it was written, but for MariaDB's banner, which names a socket.
"""

import logging
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.parse

out = pathlib.Path(sys.argv[1])
pg = urllib.parse.urlparse(os.environ["DBAUDIT_TEST_POSTGRES"])
my = urllib.parse.urlparse(os.environ["DBAUDIT_TEST_MARIADB"])
logs = {"postgresql": os.environ["DBAUDIT_TEST_POSTGRES_LOG"], "mariadb": os.environ["DBAUDIT_TEST_MARIADB_LOG"]}

import pymysql

pymysql.version_info = (2, 2, 1, "final", 0)
pymysql.install_as_MySQLdb()
import django
import peewee
from django.conf import settings


def mysql(**options):
    return {"ENGINE": "django.db.backends.mysql", "NAME": "shop", "USER": my.username, "PASSWORD": my.password, "HOST": my.hostname,
            "PORT": str(my.port), "OPTIONS": options}


lite = "/tmp/dbaudit-systems.sqlite3"
pathlib.Path(lite).unlink(missing_ok=True)
settings.configure(
    DATABASES={
        "default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": pg.username, "HOST": pg.hostname, "PORT": str(pg.port)},
        "maria": mysql(isolation_level="repeatable read"),
        "myisam": mysql(isolation_level="repeatable read", init_command="SET default_storage_engine=MyISAM"),
        "lite": {"ENGINE": "django.db.backends.sqlite3", "NAME": lite, "OPTIONS": {"timeout": 5}},
    },
    INSTALLED_APPS=[], USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField", LOGGING_CONFIG=None)
django.setup()
from django.db import connections, models, transaction
from django.db.models import F


def model(model_name, unique=(), **fields):
    meta = type("Meta", (), {"app_label": "shop", "unique_together": unique})
    return type(model_name, (models.Model,), {"__module__": "shop", "Meta": meta, **fields})


Session = model("Session", name=models.CharField(max_length=40))
Choice = model("Choice", session=models.ForeignKey(Session, models.CASCADE), name=models.CharField(max_length=40), value=models.IntegerField(default=0))
Answer = model("Answer", session=models.ForeignKey(Session, models.CASCADE), name=models.CharField(max_length=40), value=models.IntegerField(default=0),
               unique=[("session", "name")])
Label = model("Label", name=models.CharField(max_length=40, unique=True))
Account = model("Account", owner=models.CharField(max_length=40), balance=models.IntegerField())
Document = model("Document", body=models.TextField(), pages=models.IntegerField(), version=models.IntegerField(default=1))
CouponUse = model("CouponUse", coupon=models.IntegerField(), customer=models.IntegerField())
ROUNDS, THREADS = 8, 3


def race(work, alias="default"):
    barrier = threading.Barrier(THREADS)

    def run(thread):
        for round in range(ROUNDS):
            barrier.wait()
            try:
                work(round, thread)
            except Exception as e:  # the race's own errors: duplicate keys, deadlocks, locked databases
                print("   ", type(e).__name__, str(e)[:80].replace("\n", " "))
        connections.close_all()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def record(fixture, engine, level, work, tables, alias="default", fill=None):
    """One fixture: its tables anew, the race, and the server's log of it."""
    print(fixture)
    connection = connections[alias]
    with connection.schema_editor() as editor:
        for table in tables:
            editor.create_model(table)
    if fill:
        fill()
    directory = out / fixture
    directory.mkdir(parents=True, exist_ok=True)
    names = [t._meta.db_table for t in tables]
    if engine == "postgresql":
        dump = ["pg_dump", "-s", "--no-owner", "-h", pg.hostname, "-p", str(pg.port), "-U", pg.username, "shop", *[a for n in names for a in ("-t", n)]]
    elif engine == "mariadb":
        dump = ["mariadb-dump", "--no-defaults", "-d", "--compact", "-h", my.hostname, "-P", str(my.port), "-u", my.username, f"-p{my.password}", "shop", *names]
    else:
        dump = ["sqlite3", lite, ".schema"]
    schema = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    kept = [l for l in schema.splitlines() if l.strip() and not l.startswith(("--", "SET ", "/*", "SELECT pg_catalog", "\\"))]
    (directory / "schema.sql").write_text("\n".join(kept) + "\n")
    handler = None
    if engine == "sqlite":
        handler = logging.FileHandler(directory / "app.log", mode="w")
        handler.setFormatter(logging.Formatter("%(levelname)s %(asctime)s %(module)s %(process)d %(thread)d %(message)s"))
        logger = logging.getLogger("django.db.backends")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
        for c in connections.all():
            c.force_debug_cursor = True
        settings.DEBUG = True
    else:
        time.sleep(0.3)
        begin = os.path.getsize(logs[engine])
    race(work, alias)
    if handler:
        logger.removeHandler(handler)
        settings.DEBUG = False
    else:
        time.sleep(0.5)
        log = pathlib.Path(logs[engine]).read_bytes()[begin:]
        if engine == "mariadb":
            log = (b"/usr/sbin/mariadbd, Version: 10.11.6-MariaDB-0+deb12u1-log (Debian 12). started with:\n"
                   b"Tcp port: 3306  Unix socket: /run/mysqld/mysqld.sock\nTime\t\t    Id Command\tArgument\n") + log
        (directory / "app.log").write_bytes(log)
    (directory / "cmd").write_text(
        f'scan --schema schema.sql --engine {engine} --isolation "{level}" --format json --fail-on never app.log\n')
    with connection.schema_editor() as editor:
        for table in reversed(tables):
            editor.delete_model(table)


def sessions():
    for i in range(1, 4):
        Session.objects.create(name=f"s{i}")


def accounts(alias="default"):
    for i in range(1, 4):
        Account.objects.using(alias).create(owner=f"o{i}", balance=1000)


def documents():
    for i in range(1, 3):
        Document.objects.create(body="", pages=1)


def create_choice(table):
    def work(round, thread):
        session = Session.objects.get(pk=1 + round % 3)
        table.objects.get_or_create(session=session, name=f"n{round // 3}", defaults={"value": thread})
    return work


def update_choice(round, thread):
    session = Session.objects.get(pk=1 + round % 3)
    Choice.objects.update_or_create(session=session, name=f"n{round // 3}", defaults={"value": thread})


def label_at_repeatable_read(round, thread):
    with transaction.atomic(using="maria"):
        Label.objects.using("maria").get_or_create(name=f"n{round}")


def save_balance(round, thread):
    account = Account.objects.get(pk=1 + round % 2)
    time.sleep(0.005)
    account.balance -= 10
    account.save()


def save_balance_locked(round, thread):
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=1 + round % 2)
        time.sleep(0.002)
        account.balance -= 10
        account.save(update_fields=["balance"])


def pay_with_f(round, thread):
    Account.objects.filter(pk=1 + round % 2, balance__gte=10).update(balance=F("balance") - 10)


def two_saves(round, thread):
    debit, credit = Account.objects.get(pk=1 + thread % 2), Account.objects.get(pk=2 + thread % 2)
    debit.balance -= 10
    debit.save()
    credit.balance += 10
    credit.save()


def lock_without_effect(alias):
    def work(round, thread):
        with transaction.atomic(using=alias):
            account = Account.objects.using(alias).select_for_update().get(pk=1 + round % 2)
            time.sleep(0.005)
            account.balance -= 10
            account.save(using=alias)
    return work


def save_version(round, thread):
    document = Document.objects.get(pk=1 + round % 2)
    time.sleep(0.005)
    document.pages += 1
    document.version += 1
    document.save()


def check_version(round, thread):
    while True:
        document = Document.objects.get(pk=1 + round % 2)
        if Document.objects.filter(pk=document.pk, version=document.version).update(pages=document.pages + 1, version=document.version + 1):
            return


def lock_table(round, thread):
    with transaction.atomic():
        with connections["default"].cursor() as cursor:
            cursor.execute("LOCK TABLE shop_couponuse IN SHARE ROW EXCLUSIVE MODE")
        if CouponUse.objects.filter(coupon=round % 2).count() < 5:
            CouponUse.objects.create(coupon=round % 2, customer=thread)


maria = peewee.MySQLDatabase("shop", host=my.hostname, port=my.port, user=my.username, password=my.password)


class Tag(peewee.Model):
    name = peewee.CharField(unique=True)

    class Meta:
        database = maria
        table_name = "shop_label"


def peewee_tag(outer):
    def work(round, thread):
        if maria.is_closed():
            maria.connect()
        if outer:
            with maria.atomic():
                Tag.get_or_create(name=f"n{round}")
        else:
            Tag.get_or_create(name=f"n{round}")
        if round == ROUNDS - 1:
            maria.close()
    return work


rc, rr = "read committed", "repeatable read"
record("get_or_create_without_unique_key/bad_real_django_foreign_key", "postgresql", rc, create_choice(Choice), [Session, Choice], fill=sessions)
record("get_or_create_without_unique_key/ok_real_django_unique_together", "postgresql", rc, create_choice(Answer), [Session, Answer], fill=sessions)
record("get_or_create_without_unique_key/bad_real_django_update_or_create", "postgresql", rc, update_choice, [Session, Choice], fill=sessions)
record("get_or_create_under_repeatable_read/bad_real_django_mariadb", "mariadb", rr, label_at_repeatable_read, [Label], alias="maria")
record("get_or_create_under_repeatable_read/bad_real_peewee_mariadb", "mariadb", rr, peewee_tag(True), [Label], alias="maria")
record("get_or_create_handled/bad_real_peewee_mariadb", "mariadb", rr, peewee_tag(False), [Label], alias="maria")
record("read_modify_write_without_lock/bad_real_django_save", "postgresql", rc, save_balance, [Account], fill=accounts)
record("read_modify_write_without_lock/ok_real_django_select_for_update", "postgresql", rc, save_balance_locked, [Account], fill=accounts)
record("unguarded_decrement/ok_real_django_f_with_guard", "postgresql", rc, pay_with_f, [Account], fill=accounts)
record("related_writes_not_atomic/bad_real_django_two_saves", "postgresql", rc, two_saves, [Account], fill=accounts)
record("for_update_without_effect/bad_real_django_myisam", "mariadb", rr, lock_without_effect("myisam"), [Account], alias="myisam",
       fill=lambda: accounts("myisam"))
record("deferred_transaction_upgrade/bad_real_django_select_for_update", "sqlite", "serializable", lock_without_effect("lite"), [Account], alias="lite",
       fill=lambda: accounts("lite"))
record("version_column_not_checked/bad_real_django_save", "postgresql", rc, save_version, [Document], fill=documents)
record("version_column_not_checked/ok_real_django_filter_update", "postgresql", rc, check_version, [Document], fill=documents)
record("table_lock_serialises/bad_real_django_lock_table", "postgresql", rc, lock_table, [CouponUse])
