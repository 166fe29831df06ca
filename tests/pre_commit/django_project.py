"""A small Django project with a race, and its fix.

usage: django_project.py race|fixed     writes the project into the working directory

Two requests that tag a note with the same new word both find no tag and both create one. `fixed` makes the word unique, for which get_or_create() is made.
"""

import pathlib
import sys

SETTINGS = '''
import os

SECRET_KEY = "not a secret: tests only"
DEBUG = False
USE_TZ = True
INSTALLED_APPS = ["notes"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "notes.db", "TEST": {"NAME": "test.db"}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Every statement of a test run, for dbaudit.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"sql": {"format": "%(asctime)s %(process)d %(thread)d %(message)s"}},
    "handlers": {"sql": {"class": "logging.FileHandler", "filename": os.environ.get("SQL_LOG", os.devnull), "mode": "w", "formatter": "sql"}},
    "loggers": {"django.db.backends": {"level": "DEBUG", "handlers": ["sql"], "propagate": False}},
}
'''

MODELS = '''
from django.db import models


class Tag(models.Model):
    word = models.CharField(max_length=50)
{meta}

class Note(models.Model):
    text = models.TextField()
    tags = models.ManyToManyField(Tag)

    def add_tag(self, word):
        tag, _ = Tag.objects.get_or_create(word=word)
        self.tags.add(tag)
'''

UNIQUE = '''
    class Meta:
        constraints = [models.UniqueConstraint(fields=["word"], name="tag_word_unique")]
'''

# A TestCase runs each test inside one transaction, which the application does not do: its log would show the transactions of the tests.
TESTS = '''
from django.test import TransactionTestCase

from notes.models import Note


class Tagging(TransactionTestCase):
    def test_notes_share_a_tag(self):
        for text in ("first", "second"):
            Note.objects.create(text=text).add_tag("todo")
        self.assertEqual(Note.objects.filter(tags__word="todo").count(), 2)
'''

MANAGE = '''
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
'''


def main():
    if sys.argv[1:] not in (["race"], ["fixed"]):
        sys.exit(__doc__)
    meta = UNIQUE if sys.argv[1] == "fixed" else ""
    files = {"settings.py": SETTINGS, "manage.py": MANAGE, "notes/__init__.py": "", "notes/models.py": MODELS.format(meta=meta),
             "notes/tests.py": TESTS, ".gitignore": "*.log\n*.db\n__pycache__/\nschema.sql\n"}
    for name, text in files.items():
        path = pathlib.Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip("\n"))


main()
