"""`make words`: bring the catalogues up to date with the code and compile them; `compile` alone does only that."""

import sys

from tools.words.catalogues import compile_all, extract, paths, update

if sys.argv[1:] != ["compile"]:
    messages = extract()
    for path in paths():
        for untranslated in update(path, messages):
            sys.stdout.write(f"{path} wants a translation of {untranslated!r}\n")
compile_all()
