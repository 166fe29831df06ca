"""Executes snippets in the words of one Python ORM: fixes_python.py ORM ENGINE URL, the snippets as JSON on standard input."""

import json
import sys
import textwrap
import traceback
import types
import urllib.parse

ORM, ENGINE, URL = sys.argv[1:4]
SNIPPETS = json.load(sys.stdin)
SERVER = urllib.parse.urlsplit(URL)


class NotEnough(Exception):
    pass


class Conflict(Exception):
    pass


class Gone(Exception):
    pass


def parts(code):
    """What belongs into the model, and what is run."""
    lines = code.splitlines()[1:]
    model = []
    while lines and (lines[0].startswith(("class Meta", " ", "__"))):
        model.append(lines.pop(0))
    return "\n".join(model), "\n".join(lines)


GET_OR_CREATE_MODEL = parts(next(s["code"] for s in SNIPPETS if s["pattern"] == "get-or-create"))[0]
CONNECT = dict(host=SERVER.hostname, port=SERVER.port, user=SERVER.username, password=urllib.parse.unquote(SERVER.password or ""))
NAME = SERVER.path.lstrip("/")


class DjangoWords:
    def __init__(self):
        import django
        from django.conf import settings

        if ENGINE == "mariadb":
            import pymysql

            pymysql.version_info = (2, 2, 7, "final", 0)
            pymysql.install_as_MySQLdb()
        backend = {"sqlite": "sqlite3", "postgres": "postgresql", "mariadb": "mysql"}[ENGINE]
        database = {"ENGINE": f"django.db.backends.{backend}", "NAME": URL if ENGINE == "sqlite" else NAME}
        if ENGINE != "sqlite":
            database |= {k.upper(): v or "" for k, v in CONNECT.items()}
        package = types.ModuleType("shop")
        package.__path__, package.__file__ = ["."], "./__init__.py"
        sys.modules["shop"] = package
        settings.configure(INSTALLED_APPS=["shop"], DATABASES={"default": database}, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
        django.setup()
        from django.db import connection, models, transaction
        from django.db.models import F

        self.names = {"__name__": "shop.models", "models": models, "transaction": transaction, "F": F}
        exec("class Item(models.Model):\n    user_id = models.IntegerField()\n    sku = models.CharField(max_length=40)\n    quantity = models.IntegerField(default=0)\n"
             + textwrap.indent(GET_OR_CREATE_MODEL, "    ") + "\nclass Parent(models.Model):\n    pass\n", self.names)
        self.Item, self.Parent = self.names["Item"], self.names["Parent"]
        with connection.schema_editor() as editor:
            for model in (self.Item, self.Parent):
                cursor = connection.cursor()
                cursor.execute(f"DROP TABLE IF EXISTS {model._meta.db_table}")
                editor.create_model(model)

    def reset(self, rows):
        self.Item.objects.all().delete()
        self.Parent.objects.get_or_create(id=1)
        for r in rows:
            self.Item.objects.create(**r)

    def get(self):
        return self.Item.objects.get(user_id=1, sku="a")

    def rows(self):
        return sorted(self.Item.objects.values_list("user_id", "sku", "quantity"))

    def delete(self):
        self.Item.objects.all().delete()

    stale = ("Conflict", "DatabaseError", "NotUpdated")


class PeeweeWords:
    stale = ("Conflict",)

    def __init__(self):
        import peewee

        if ENGINE == "sqlite":
            self.db = peewee.SqliteDatabase(URL)
        else:
            kind = peewee.PostgresqlDatabase if ENGINE == "postgres" else peewee.MySQLDatabase
            self.db = kind(NAME, **CONNECT)
        db = self.db

        class Base(peewee.Model):
            class Meta:
                database = db

        self.names = {"Base": Base, "db": db, **vars(peewee)}
        exec("class Item(Base):\n    user_id = IntegerField()\n    sku = CharField(40)\n    quantity = IntegerField(default=0)\n"
             + textwrap.indent(GET_OR_CREATE_MODEL, "    ") + "\nclass Parent(Base):\n    pass\n", self.names)
        self.Item, self.Parent = self.names["Item"], self.names["Parent"]
        db.drop_tables([self.Item, self.Parent])
        db.create_tables([self.Item, self.Parent])

    def reset(self, rows):
        self.Item.delete().execute()
        if not self.Parent.select().where(self.Parent.id == 1).exists():
            self.Parent.insert(id=1).execute()
        for r in rows:
            self.Item.create(**r)

    def get(self):
        return self.Item.get(self.Item.user_id == 1, self.Item.sku == "a")

    def rows(self):
        return sorted(self.Item.select(self.Item.user_id, self.Item.sku, self.Item.quantity).tuples())

    def delete(self):
        self.Item.delete().execute()


class SqlalchemyWords:
    stale = ("Conflict", "StaleDataError")

    def __init__(self, model_part=None):
        import sqlalchemy
        from sqlalchemy import orm

        if ENGINE == "sqlite":
            url = f"sqlite:///{URL}"
        else:
            driver = "postgresql+psycopg2" if ENGINE == "postgres" else "mysql+pymysql"
            url = sqlalchemy.URL.create(driver, SERVER.username, CONNECT["password"] or None, SERVER.hostname, SERVER.port, NAME)
        self.engine = sqlalchemy.create_engine(url)
        self.names = {**vars(sqlalchemy), **vars(orm), "Base": orm.declarative_base()}
        exec("class Item(Base):\n    __tablename__ = 'items'\n    id = Column(Integer, primary_key=True)\n    user_id = Column(Integer)\n    sku = Column(String(40))\n"
             "    quantity = Column(Integer, default=0)\n" + textwrap.indent(model_part or GET_OR_CREATE_MODEL, "    ")
             + "\nclass Parent(Base):\n    __tablename__ = 'parents'\n    id = Column(Integer, primary_key=True)\n", self.names)
        self.Item, self.Parent = self.names["Item"], self.names["Parent"]
        self.names["Session"] = orm.sessionmaker(self.engine)
        self.names["Base"].metadata.drop_all(self.engine)
        self.names["Base"].metadata.create_all(self.engine)
        self.session = None

    def begin(self):
        self.session = self.names["session"] = self.names["Session"]()

    def finish(self):
        self.session.commit()
        self.session.close()

    def reset(self, rows):
        with self.names["Session"].begin() as s:
            s.query(self.Item).delete()
            s.merge(self.Parent(id=1))
            for r in rows:
                s.add(self.Item(**r))

    def get(self):
        return (self.session or self.names["Session"]()).query(self.Item).filter_by(user_id=1, sku="a").one()

    def rows(self):
        with self.names["Session"]() as s:
            return sorted((r.user_id, r.sku, r.quantity) for r in s.query(self.Item))

    def delete(self):
        with self.names["Session"].begin() as s:
            s.query(self.Item).delete()


def execute(words, code, **values):
    """True when it went through, False when it said no."""
    names = words.names
    names.update(values, user_id=1, sku="a", NotEnough=NotEnough, Conflict=Conflict, Gone=Gone, parent_id=1)
    try:
        exec(code, names)
        if hasattr(words, "finish"):
            words.finish()
        return True
    except Exception as e:
        if hasattr(words, "finish"):
            words.session.rollback()
            words.session.close()
        if isinstance(e, (NotEnough, Gone)) or type(e).__name__ in words.stale:
            return False
        raise


def run(words, pattern, code):
    model, body = parts(code)
    item = dict(user_id=1, sku="a", quantity=5)
    begin = getattr(words, "begin", lambda: None)
    locks = ENGINE != "sqlite"
    expect = lambda wanted: words.rows() == wanted or (_ for _ in ()).throw(AssertionError(f"{words.rows()} is not {wanted}"))
    if pattern == "get-or-create":
        words.reset([])
        for _ in range(2):
            begin()
            assert execute(words, body)
        expect([(1, "a", 0)])
        return
    if pattern == "version" and model:
        words = type(words)(model)
        words.reset([item])
        words.begin()
        mine, theirs = words.get(), words.names["Session"]()
        other = theirs.query(words.Item).one()
        other.sku = "b"
        theirs.commit()
        mine.sku = "c"
        assert not execute(words, "session.flush()")
        return
    words.reset([item, dict(user_id=2, sku="b", quantity=5)])
    begin()
    if pattern == "read-modify-write":
        assert execute(words, body, change=-2, new_value=lambda obj: obj.quantity - 1)
        expect([(1, "a", 2 if locks else 3), (2, "b", 5)])
    elif pattern == "guarded-decrement":
        assert execute(words, body, n=3)
        begin()
        assert not execute(words, body, n=3)
        expect([(1, "a", 2), (2, "b", 5)])
    elif pattern == "version":
        stale = words.get()
        assert execute(words, body, obj=stale, changes={})
        assert not execute(words, body, obj=stale, changes={})
        expect([(1, "a", 6), (2, "b", 5)])
    elif pattern == "for-update" or pattern == "set-lock":
        assert execute(words, body)
        expect([(1, "a", 5), (2, "b", 5)])
    elif pattern == "changed-columns":
        obj = words.get()
        obj.quantity = 9
        assert execute(words, body, obj=obj, value=9)
        expect([(1, "a", 9), (2, "b", 5)])
    elif pattern == "update-only":
        obj = words.get()
        if hasattr(words, "finish"):
            words.finish()
        words.delete()
        begin()
        assert not execute(words, body, obj=obj, value=9)
        expect([])
    elif pattern == "queue-pop":
        assert execute(words, body, obj=words.get(), new_value=9, picked=5)
        expect([(1, "a", 9), (2, "b", 5)])
    elif pattern == "parent-lock":
        words.delete()
        assert execute(words, body, bound=1)
        expect([(1, "a", 0)])
    else:
        raise AssertionError("nobody says what it does")


WORDS = {"django": DjangoWords, "peewee": PeeweeWords, "sqlalchemy": SqlalchemyWords}[ORM]()
for snippet in SNIPPETS:
    try:
        run(WORDS, snippet["pattern"], snippet["code"])
        print("ok", snippet["pattern"])
    except Exception:
        print("FAILED", ORM, ENGINE, snippet["pattern"], repr(traceback.format_exc(limit=-3)), repr(snippet["code"]))
