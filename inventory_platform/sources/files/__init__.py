"""Files as a source: one file, or a folder of them here or in object storage.

How files are written is declared in `sources.toml` and never guessed while loading. A file
that cannot be read is refused with a reason and the others go on; nothing in the folder is
ever changed or moved.

`folder` finds files, `arrival` brings them to where they can be read, `archives` unpacks,
`signatures` tells what a file really is, `options` is how a file was declared; `text`,
`sheets`, `lines` and `columnar` make rows of one kind of file each, `reader` puts them
together.
"""

from inventory_platform.sources.files.options import SUFFIXES, TEXT_SUFFIXES
from inventory_platform.sources.files.reader import FileReader

__all__ = ["SUFFIXES", "TEXT_SUFFIXES", "FileReader"]
