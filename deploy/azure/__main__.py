"""The platform on Azure, for `pulumi up`; what there is to set is `stack/settings.py`."""

from stack.platform import build
from stack.settings import read

build(read())
