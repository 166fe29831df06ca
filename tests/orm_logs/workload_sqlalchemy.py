"""workload.py with SQLAlchemy's ORM (2.0 and later)."""

import logging

import workload
from sqlalchemy import ForeignKey, String, create_engine, event, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "sa_item"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    n: Mapped[int] = mapped_column(default=0)


class Entry(Base):
    __tablename__ = "sa_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[int] = mapped_column(ForeignKey("sa_item.id"))
    note: Mapped[str] = mapped_column(String(500))


def driver_url(url):
    return url.replace("postgresql://", "postgresql+psycopg://").replace("mysql://", "mysql+pymysql://")


class Shop:
    def __init__(self, url, truth):
        self.engine = create_engine(driver_url(url), pool_size=8)
        self.locks_rows = self.engine.dialect.name != "sqlite"
        self.one_at_a_time = not self.locks_rows
        self.truth = truth

    def create_tables(self):
        Base.metadata.drop_all(self.engine)
        Base.metadata.create_all(self.engine)
        self.engine.dispose()

        def executed(connection, cursor, statement, parameters, context, many):
            self.truth.add(statement, parameters, many and isinstance(parameters, list))  # a batch of rows is one statement

        event.listen(self.engine, "before_cursor_execute", executed)
        for name, sql in [("begin", "BEGIN"), ("commit", "COMMIT"), ("rollback", "ROLLBACK")]:
            event.listen(self.engine, name, lambda connection, sql=sql: self.truth.add(sql, None))

    def close(self):
        pass

    def get_or_create(self, name):
        with Session(self.engine) as session:
            found = session.scalars(select(Item).where(Item.name == name)).first()
            if found is None:
                session.add(Item(name=name))
                try:
                    session.commit()
                except IntegrityError:
                    session.rollback()
                    session.scalars(select(Item).where(Item.name == name)).one()

    def add_one(self, name):
        with Session(self.engine) as session, session.begin():
            item = session.scalars(select(Item).where(Item.name == name)).one()
            item.n += 1

    def add_one_locked(self, name):
        with Session(self.engine) as session, session.begin():
            item = session.scalars(select(Item).where(Item.name == name).with_for_update()).one()
            item.n += 1

    def nested(self, name):
        with Session(self.engine) as session, session.begin():
            item = session.scalars(select(Item).where(Item.name == name)).one()
            try:
                with session.begin_nested():
                    session.add(Item(name=name))
            except IntegrityError:
                pass
            with session.begin_nested():
                session.add(Entry(item=item.id, note="inside"))

    def fail(self, name):
        try:
            with Session(self.engine) as session, session.begin():
                session.add(Item(name=name))
        except IntegrityError:
            pass

    def bulk(self, names):
        with Session(self.engine) as session, session.begin():
            session.add_all([Item(name=n) for n in names])
        if self.engine.dialect.name != "mysql":  # PyMySQL makes one statement of many
            with self.engine.begin() as connection:
                connection.execute(insert(Item), [{"name": n + "-x", "n": i} for i, n in enumerate(names)])
        with self.engine.begin() as connection:
            connection.execute(text("UPDATE sa_item\nSET n = n + :by\nWHERE name LIKE :like"), {"by": 2, "like": names[0]})

    def odd(self, name):
        with Session(self.engine) as session, session.begin():
            session.add(Item(name=name))
            session.flush()
            session.execute(text("SELECT 'two\nlines' AS two, n FROM sa_item WHERE name = :name"), {"name": name}).all()
            session.execute(select(Item.id).where(Item.name.in_([name, "none"]))).all()


if __name__ == "__main__":
    workload.main(workload.arguments(), "sqlalchemy.engine", logging.INFO, Shop)
