# Copyright (c) mmgmp authors.
