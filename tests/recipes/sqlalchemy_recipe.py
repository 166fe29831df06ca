"""Two requests look a tag up and create it: the log that SQLAlchemy writes of it. usage: sqlalchemy_recipe.py DATABASE LOG"""

import sys

from sqlalchemy import create_engine, text

database, log = sys.argv[1:]

# recipe: conftest.py
import logging

handler = logging.FileHandler(log, mode="w")
handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(thread)d %(levelname)s %(name)s %(message)s"))
logging.getLogger("sqlalchemy.engine").addHandler(handler)
logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
# end

engine = create_engine(f"sqlite:///{database}")
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"))
for name in ("blue", "green"):
    with engine.begin() as connection:
        found = connection.execute(text("SELECT id FROM tag WHERE name = :name"), {"name": name}).first()
    if found is None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO tag (name) VALUES (:name)"), {"name": name})
