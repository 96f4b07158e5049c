# Copyright (c) mmgmp authors.
__version__ = '0.1.0'
