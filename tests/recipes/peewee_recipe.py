"""Two requests look a tag up and create it: the log that Peewee writes of it. usage: peewee_recipe.py DATABASE LOG"""

import sys

from peewee import Model, SqliteDatabase, TextField

database, log = sys.argv[1:]

# recipe: conftest.py
import logging

handler = logging.FileHandler(log, mode="w")
handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(thread)d %(levelname)s %(name)s %(message)s"))
logging.getLogger("peewee").addHandler(handler)
logging.getLogger("peewee").setLevel(logging.DEBUG)
# end


class Tag(Model):
    name = TextField()

    class Meta:
        database = SqliteDatabase(database)


Tag.create_table()
for name in ("blue", "green"):
    Tag.get_or_create(name=name)
